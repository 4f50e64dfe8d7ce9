// Python, coloured: a tokenizer that makes text nodes only, so that a program stays text whatever is in it.
const PYTHON_WORDS = new Set(
  (
    "and as assert async await break case class continue def del elif else except finally for from global if import in " +
    "is lambda match nonlocal not or pass raise return try while with yield"
  ).split(" "),
);
const PYTHON_VALUES = new Set(["None", "True", "False", "self"]);
const PYTHON_TOKEN = new RegExp(
  [
    "(#[^\\n]*)",
    "([rRbBfFuU]{0,2}(?:'''[\\s\\S]*?(?:'''|$)|\"\"\"[\\s\\S]*?(?:\"\"\"|$)|'(?:[^'\\\\\\n]|\\\\.)*'?|\"(?:[^\"\\\\\\n]|\\\\.)*\"?))",
    "(\\b(?:0[xXbBoO][\\da-fA-F_]+|\\d[\\d_]*(?:\\.[\\d_]*)?(?:[eE][+-]?\\d+)?)\\b)",
    "([A-Za-z_][A-Za-z_0-9]*)",
  ].join("|"),
  "g",
);

function kindOf(match, previous) {
  if (match[1]) return "comment";
  if (match[2]) return "string";
  if (match[3]) return "number";
  if (PYTHON_WORDS.has(match[4])) return "word";
  if (PYTHON_VALUES.has(match[4])) return "number";
  return previous === "def" || previous === "class" ? "name" : "";
}

function highlighted(code) {
  const found = document.createDocumentFragment();
  let end = 0;
  let previous = "";
  for (const match of code.matchAll(PYTHON_TOKEN)) {
    if (match[0] === "") continue;
    const kind = kindOf(match, previous);
    if (kind) {
      found.append(code.slice(end, match.index));
      const span = document.createElement("span");
      span.className = `py-${kind}`;
      span.textContent = match[0];
      found.append(span);
      end = match.index + match[0].length;
    }
    if (match[4]) previous = match[4];
  }
  found.append(code.slice(end));
  return found;
}
