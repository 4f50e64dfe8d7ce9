// Elements from plain data: strings become text nodes, never markup.
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

const figure = (value, digits = 3) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const percent = (value) => (value === null ? "–" : `${(100 * value).toFixed(0)}%`);
const plural = (n, one, more) => `${n.toLocaleString("en")} ${n === 1 ? one : more || `${one}s`}`;

// A text as it came: a string, or [its beginning, its length] where it was cut when the report was made.
function wholeText(cut) {
  return typeof cut === "string" ? cut : cut[0];
}

function cutNote(cut) {
  if (typeof cut === "string") return null;
  const counts = `${cut[0].length.toLocaleString("en")} of ${cut[1].toLocaleString("en")}`;
  return el("span", { class: "cut" }, `… ${counts} characters`);
}

// A value that may be long: its beginning and a button for the rest.
function clipped(cut, limits = { characters: 160, lines: 6 }) {
  const text = wholeText(cut);
  const lines = text.split("\n");
  const short = lines.slice(0, limits.lines).join("\n").slice(0, limits.characters);
  if (short.length === text.length) return [text, cutNote(cut)];
  const body = el("span", {}, `${short}…`);
  const all = typeof cut === "string" ? "all" : "first";
  const label = () =>
    button.getAttribute("aria-expanded") === "true" ? "less" : `${all} ${plural(text.length, "character")}`;
  const toggle = () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    body.replaceChildren(open ? text : `${short}…`, ...(open && cutNote(cut) ? [cutNote(cut)] : []));
    button.textContent = label();
  };
  const button = el("button", { type: "button", class: "more", "aria-expanded": "false", click: toggle });
  button.textContent = label();
  return [body, button];
}

// A program or a text, whole, with a scroll bar of its own where it is long.
function codeBlock(cut, isPython) {
  const text = wholeText(cut);
  return el("pre", { class: "code", tabindex: "0" }, el("code", {}, isPython ? highlighted(text) : text), cutNote(cut));
}
