// Data lie in scripts beside this page, each one call of conselfData with packed JSON; see analysis/page_files.py.
const META = JSON.parse(document.getElementById("meta").textContent);
const arrived = new Map();
const loading = new Map();
const KEPT_PARTS = 8; // parts of problems kept in memory

window.conselfData = (name, packed) => arrived.set(name, packed);

async function unpack(packed) {
  if (!("DecompressionStream" in window)) {
    throw new Error("this browser is too old: Chrome 80, Firefox 113, Safari 16.4 or later is needed");
  }
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function loadScript(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `data/${name}.js`;
    script.onload = () => resolve(script.remove());
    script.onerror = () => reject(new Error(`data/${name}.js is missing: copy the whole report folder`));
    document.head.append(script);
  });
}

async function fetchPart(name) {
  await loadScript(name);
  const packed = arrived.get(name);
  arrived.delete(name);
  return unpack(packed);
}

// The content of data/<name>.js; asked for once.
function part(name) {
  if (!loading.has(name)) {
    const promise = fetchPart(name);
    promise.catch(() => loading.delete(name));
    loading.set(name, promise);
    const parts = [...loading.keys()].filter((key) => key.startsWith("problems-"));
    if (parts.length > KEPT_PARTS) loading.delete(parts[0]);
  }
  return loading.get(name);
}

// All rows of the index, as one object of columns; kept, pairs and metrics hold one list per row.
async function loadIndex() {
  const names = Array.from({ length: META.index_parts }, (_, i) => `index-${i}`);
  const parts = await Promise.all(names.map(part));
  const columns = {};
  for (const key of Object.keys(parts[0] || {})) columns[key] = parts.flatMap((each) => each[key]);
  columns.count = (columns.id || []).length;
  columns.text = (columns.id || []).map((id, i) => `${id} ${columns.title[i]} ${columns.difficulty[i]}`.toLowerCase());
  return columns;
}
