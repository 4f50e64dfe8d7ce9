// The index: search, filters, sorting and pages over columns in memory.
const PAGE_ROWS = 50;
const DEFAULTS = { q: "", sort: "place", order: "ascending", page: "1", kept: "", winner: "", way: "0", metric: "0" };
const FILTERS = {
  kept: {
    "": ["kept or not", () => true],
    yes: ["kept", (i, rows, way) => rows.kept[i][way] === null],
    no: ["left out", (i, rows, way) => rows.kept[i][way] !== null],
    pairs: ["gave pairs", (i, rows, way) => rows.pairs[i][way] > 0],
  },
  winner: {
    "": ["any verdict", () => true],
    right: ["winner right", (i, rows) => rows.right[i] === 1],
    wrong: ["winner wrong, solvable", (i, rows) => rows.right[i] !== 1 && rows.rate[i] > 0],
    unsolved: ["no candidate right", (i, rows) => rows.rate[i] === 0],
  },
};
const SORTS = {
  place: (i) => i,
  metric: (i, rows, state) => rows.metrics[i][Number(state.metric)] ?? null,
  clusters: (i, rows) => rows.clusters[i],
  alive: (i, rows) => rows.alive[i],
  rate: (i, rows) => rows.rate[i],
  right: (i, rows) => rows.right[i],
  kept: (i, rows, state) => (META.taken.length ? Number(rows.kept[i][Number(state.way)] === null) : null),
  pairs: (i, rows, state) => rows.pairs[i][Number(state.way)] ?? null,
};

// The row numbers that a state (search, filters, sort) leaves, in its order. Rows without a value come last.
function rowsOf(rows, state) {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const [, kept] = FILTERS.kept[state.kept] || FILTERS.kept[""];
  const [, winner] = FILTERS.winner[state.winner] || FILTERS.winner[""];
  const way = Number(state.way);
  const found = [];
  for (let i = 0; i < rows.count; i++) {
    if (words.every((word) => rows.text[i].includes(word)) && kept(i, rows, way) && winner(i, rows)) found.push(i);
  }
  const value = SORTS[state.sort] || SORTS.place;
  const keys = new Map(found.map((i) => [i, value(i, rows, state)]));
  const sign = state.order === "descending" ? -1 : 1;
  return found.sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (x === null || y === null) return x === y ? a - b : x === null ? 1 : -1;
    return sign * (x - y) || a - b;
  });
}

function indexColumns(state) {
  const metric = META.metrics[Number(state.metric)];
  const shown = [["place", "Problem", ""]];
  if (metric) shown.push(["metric", metric.replaceAll("_", " "), "num"]);
  shown.push(["clusters", "Clusters", "num"], ["alive", "Alive", "num"]);
  if (META.judged) shown.push(["rate", "Pass rate", "num"], ["right", "Winner", ""]);
  if (META.taken.length) shown.push(["kept", "Curriculum", ""], ["pairs", "Pairs", "num"]);
  return shown;
}

function verdictMark(right) {
  if (right === null) return el("span", { class: "soft" }, "–");
  return right ? el("span", { class: "good" }, "✓ right") : el("span", { class: "bad" }, "✗ wrong");
}

function indexCell(key, i, rows, state) {
  const way = Number(state.way);
  const cells = {
    place: () => [
      el("a", { href: problemHash(rows.id[i]), class: "id" }, rows.id[i]),
      el("span", { class: "title" }, rows.title[i]),
    ],
    metric: () => figure(rows.metrics[i][Number(state.metric)]),
    clusters: () => String(rows.clusters[i]),
    alive: () => String(rows.alive[i]),
    rate: () => percent(rows.rate[i]),
    right: () => verdictMark(rows.right[i]),
    kept: () => (rows.kept[i][way] === null ? "kept" : el("span", { class: "soft" }, rows.kept[i][way])),
    pairs: () => String(rows.pairs[i][way]),
  };
  return cells[key]();
}

function drawHead(state, go) {
  const heads = indexColumns(state).map(([key, name, kind]) => {
    const order = state.sort === key ? state.order : "none";
    const click = () => go({ sort: key, order: order === "ascending" ? "descending" : "ascending", page: "1" });
    const button = el("button", { type: "button", "data-sort": key }, name);
    return el("th", { scope: "col", class: kind, "aria-sort": order, click }, button);
  });
  document.querySelector("#index thead").replaceChildren(el("tr", {}, heads));
}

function drawIndex(rows, state, go) {
  const found = rowsOf(rows, state);
  const pages = Math.max(1, Math.ceil(found.length / PAGE_ROWS));
  const page = Math.min(pages, Math.max(1, Number(state.page) || 1));
  const shown = found.slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS);
  const lead = found.length === rows.count ? "" : `${found.length.toLocaleString("en")} of `;
  document.getElementById("index-lead").textContent = `${lead}${plural(rows.count, "problem")} · ${META.name}`;
  const focused = document.activeElement && document.activeElement.dataset.sort;
  drawHead(state, go);
  if (focused) document.querySelector(`#index [data-sort="${focused}"]`)?.focus();
  const columns = indexColumns(state);
  const lines = shown.map((i) =>
    el(
      "tr",
      {},
      columns.map(([key, , kind]) => el("td", { class: kind }, indexCell(key, i, rows, state))),
    ),
  );
  const empty = el("tr", {}, el("td", { colspan: columns.length, class: "soft" }, "No problem matches."));
  document.querySelector("#index tbody").replaceChildren(...(lines.length ? lines : [empty]));
  const step = (to, name) =>
    el("button", { type: "button", disabled: to < 1 || to > pages, click: () => go({ page: String(to) }) }, name);
  document
    .getElementById("pager")
    .replaceChildren(
      step(1, "First"),
      step(page - 1, "Previous"),
      el("span", { class: "soft" }, `page ${page.toLocaleString("en")} of ${pages.toLocaleString("en")}`),
      step(page + 1, "Next"),
      step(pages, "Last"),
    );
}

function choiceOf(name, key, state, options, go) {
  const change = (event) => go({ [key]: event.target.value, page: "1" });
  const made = options.map(([value, text]) => el("option", { value, selected: state[key] === value }, text));
  return el("label", {}, el("span", { class: "sr" }, name), el("select", { id: `choose-${key}`, change }, made));
}

function drawControls(state, go) {
  const input = (event) => go({ q: event.target.value, page: "1" });
  const listed = (key) => Object.entries(FILTERS[key]).map(([value, [text]]) => [value, text]);
  const search = el("input", {
    type: "search",
    id: "search",
    placeholder: "Search problems",
    "aria-label": "Search",
    value: state.q,
    input,
  });
  const made = [search];
  if (META.metrics.length > 1)
    made.push(
      choiceOf(
        "Metric",
        "metric",
        state,
        META.metrics.map((m, i) => [String(i), m.replaceAll("_", " ")]),
        go,
      ),
    );
  if (META.taken.length) made.push(choiceOf("Curriculum", "kept", state, listed("kept"), go));
  if (META.taken.length > 1)
    made.push(
      choiceOf(
        "Of which runs",
        "way",
        state,
        META.taken.map((t, i) => [String(i), t.name]),
        go,
      ),
    );
  if (META.judged) made.push(choiceOf("Verdict", "winner", state, listed("winner"), go));
  document.getElementById("controls").replaceChildren(...made);
}
