// What the address says is what is shown: #problem=ID, or the state of the index.
const view = { rows: null, state: { ...DEFAULTS }, found: [] };
const byId = (id) => document.getElementById(id);
const problemHash = (id) => `#problem=${encodeURIComponent(id)}`;

function stateHash(state) {
  const changed = Object.entries(state).filter(([key, value]) => value !== DEFAULTS[key]);
  return `#${new URLSearchParams(changed)}`;
}

function show(name, message) {
  for (const id of ["index-view", "problem-view", "message"]) byId(id).hidden = id !== name;
  if (message) byId("message").textContent = message;
}

function go(change) {
  view.state = { ...view.state, ...change };
  history.replaceState(null, "", stateHash(view.state));
  drawIndex(view.rows, view.state, go);
}

function showIndex(words) {
  const known = [...words].filter(([key]) => key in DEFAULTS);
  view.state = { ...DEFAULTS, ...Object.fromEntries(known) };
  drawControls(view.state, go);
  drawIndex(view.rows, view.state, go);
  document.title = `Problems, ${META.name}`;
  show("index-view");
}

// The neighbours of a row in the index as it was last filtered and sorted, or in the whole of it.
function stepsFrom(row) {
  const listed = rowsOf(view.rows, view.state);
  const inside = listed.includes(row) ? listed : Array.from({ length: view.rows.count }, (_, i) => i);
  const place = inside.indexOf(row);
  const link = (i) => (inside[i] === undefined ? null : problemHash(view.rows.id[inside[i]]));
  const where = `${(place + 1).toLocaleString("en")} of ${inside.length.toLocaleString("en")}`;
  return { previous: link(place - 1), next: link(place + 1), index: stateHash(view.state), place: where };
}

async function showProblem(id) {
  const row = view.rows.id.indexOf(id);
  if (row < 0) return show("message", `This pool has no problem ${id}. Choose another pool above, or go back.`);
  const held = await part(`problems-${view.rows.part[row]}`);
  if (new URLSearchParams(location.hash.slice(1)).get("problem") !== id) return undefined; // another was asked for
  drawProblem(held[view.rows.place[row]], stepsFrom(row));
  document.title = `${id}, ${META.name}`;
  show("problem-view");
  window.scrollTo(0, 0);
  return undefined;
}

async function route() {
  const words = new URLSearchParams(location.hash.slice(1));
  try {
    if (words.has("problem")) await showProblem(words.get("problem"));
    else showIndex(words);
  } catch (error) {
    show("message", error.message);
  }
}

const KEYS = { ArrowLeft: "previous", ArrowRight: "next", Escape: "to-index" };

function onKey(event) {
  if (event.target.matches("input, select, pre, .frame") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && !byId("index-view").hidden) {
    event.preventDefault();
    byId("search").focus();
  } else if (KEYS[event.key] && !byId("problem-view").hidden) {
    const link = byId(KEYS[event.key]);
    if (link.hasAttribute("href")) location.hash = link.getAttribute("href");
  }
}

async function start() {
  byId("pool").addEventListener("change", (event) => {
    location.href = `../${event.target.value}/index.html${location.hash}`; // the same problem in another pool
  });
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", route);
  try {
    view.rows = await loadIndex();
    await route();
  } catch (error) {
    show("message", error.message);
  }
}

start();
