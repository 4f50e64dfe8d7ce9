// Tables sort by their raw numbers: ascending, descending, then as they came. Empty cells stay at the end.
function sortValue(cell) {
  const raw = cell.dataset.value;
  return raw === undefined ? cell.textContent.trim() : raw === "" ? null : Number(raw);
}

function compareValues(a, b, sign) {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const asNumbers = typeof a === "number" && typeof b === "number";
  return sign * (asNumbers ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
}

function sortTable(table, column, order) {
  const body = table.tBodies[0];
  const sign = order === "descending" ? -1 : 1;
  const rows = Array.from(body.rows);
  const place = (row) => Number(row.dataset.place);
  const keys = new Map(rows.map((row) => [row, sortValue(row.cells[column])]));
  const before = (a, b) => (order === "none" ? 0 : compareValues(keys.get(a), keys.get(b), sign));
  rows.sort((a, b) => before(a, b) || place(a) - place(b));
  body.append(...rows);
  Array.from(table.tHead.rows[0].cells).forEach((head, i) => {
    if (head.querySelector("button")) head.setAttribute("aria-sort", i === column ? order : "none");
  });
}

const NEXT_ORDER = { none: "ascending", ascending: "descending", descending: "none" };

function makeSortable(table) {
  Array.from(table.tBodies[0].rows).forEach((row, place) => (row.dataset.place = place));
  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    // On the whole cell: a heading of several lines is taller than its words. A key on the button clicks it as well.
    head.addEventListener("click", () => {
      const order = NEXT_ORDER[head.getAttribute("aria-sort") || "none"];
      sortTable(table, column, order);
      const said = document.getElementById("said");
      said.textContent = order === "none" ? "original order" : `sorted by ${button.textContent}, ${order}`;
    });
  });
}

document.querySelectorAll("table.sortable").forEach(makeSortable);
