// Outputs side by side: inputs as rows, groups of candidates as columns. Tints tell outputs of one row apart.
const TINTS = 4;

function letters(n) {
  return n < 26 ? String.fromCharCode(65 + n) : letters(Math.floor(n / 26) - 1) + letters(n % 26);
}

// How a group is called: a letter, or "crashed" for the candidates that crash everywhere.
function groupName(page, column) {
  return isCrashed(page, column) ? "crashed" : letters(page.columns.indexOf(column));
}

function isCrashed(page, column) {
  return column.groups.every((group) => group === -1);
}

function rightOf(page, column) {
  return page.passed === null ? null : column.members.filter((member) => page.passed[member]).length;
}

function rightMark(page, column) {
  const right = rightOf(page, column);
  if (right === null) return null;
  if (right === 0) return el("span", { class: "mark bad" }, "✗ wrong");
  if (right === column.members.length) return el("span", { class: "mark good" }, "✓ right");
  return el("span", { class: "mark" }, `✓ ${right} of ${column.members.length} right`);
}

function outputCell(page, column, row, varied) {
  const [text, status] = page.values[column.cells[row]];
  const group = column.groups[row];
  if (status) return el("td", { class: "out crash", title: status.replaceAll("_", " ") }, clipped(text));
  const tint = group === -1 ? "crash" : varied && group > 0 ? `differs tint-${((group - 1) % TINTS) + 1}` : "";
  const shown = wholeText(text) === "" ? el("span", { class: "soft" }, "(nothing)") : clipped(text);
  return el("td", { class: `out ${tint}`, title: group === -1 ? "counts as a crash" : null }, shown);
}

function outputsTable(page) {
  const heads = page.columns.map((column) =>
    el(
      "th",
      { scope: "col" },
      el(
        "a",
        { href: `#program`, class: "letter", click: (event) => showProgram(event, page.columns.indexOf(column)) },
        groupName(page, column),
      ),
      el("span", { class: "soft size" }, ` ${column.members.length} of ${page.scores.length}`),
      column.members.includes(page.winner) ? el("span", { class: "mark star" }, "★ winner") : null,
      rightMark(page, column),
    ),
  );
  const lines = page.inputs.map((input, row) => {
    const varied = new Set(page.columns.map((column) => column.groups[row]).filter((group) => group >= 0)).size > 1;
    const cells = page.columns.map((column) => outputCell(page, column, row, varied));
    const text = wholeText(input) === "" ? el("span", { class: "soft" }, "(empty)") : clipped(input);
    const origin = page.origins[row] ? el("span", { class: "soft size" }, ` ${page.origins[row]}`) : null;
    return el("tr", { class: varied ? "varied" : "" }, el("th", { scope: "row", class: "in" }, text, origin), cells);
  });
  return el(
    "div",
    { class: "scroll frame", tabindex: "0" },
    el(
      "table",
      { id: "outputs" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Input"), heads)),
      el("tbody", {}, lines),
    ),
  );
}

function showProgram(event, place) {
  event.preventDefault();
  const card = document.getElementById(`program-${place}`);
  card.open = true;
  card.scrollIntoView({ block: "center" });
  card.querySelector("summary").focus();
}
