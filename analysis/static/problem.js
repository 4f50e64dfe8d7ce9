// One problem: statement, uncertainty, outputs, programs, candidates, and what became of it.
function metricsList(page) {
  const lines = META.metrics.map((name, i) => {
    const value = page.metrics[i];
    const shown = typeof value === "number" ? figure(value) : el("span", { class: "soft" }, value);
    return el("div", {}, el("dt", {}, name.replaceAll("_", " ")), el("dd", {}, shown));
  });
  return el("dl", { class: "figures" }, lines);
}

function pairMark(page, [winner, loser]) {
  const name = (member) => {
    const column = page.columns.find((each) => each.members.includes(member));
    return [`#${member} `, el("span", { class: "soft" }, groupName(page, column))];
  };
  const golden = page.passed !== null && loser !== null && page.passed[winner] && !page.passed[loser];
  return el(
    "li",
    { class: golden ? "golden" : "" },
    name(winner),
    loser === null ? " alone" : [" ≻ ", name(loser)],
    golden ? el("span", { class: "mark good" }, "golden") : null,
  );
}

function choiceBlock(page, choice, taken) {
  const kept = choice.reason === null;
  const state = kept ? el("strong", { class: "good" }, "kept") : el("strong", {}, "left out");
  const h = choice.normalised === null ? "" : ` · normalised uncertainty ${figure(choice.normalised)}`;
  const none = kept ? el("p", { class: "soft" }, "It gave no pair.") : null;
  return el(
    "div",
    { class: "choice" },
    el("p", { class: "mono soft" }, taken.name),
    el("p", {}, state, kept ? "" : `: ${choice.reason}`, el("span", { class: "soft" }, h)),
    choice.pairs.length
      ? el(
          "ul",
          { class: "pairs" },
          choice.pairs.map((pair) => pairMark(page, pair)),
        )
      : none,
    el(
      "details",
      {},
      el("summary", {}, plural(taken.runs.length, "run")),
      el(
        "ul",
        { class: "soft runs" },
        taken.runs.map((run) => el("li", {}, run)),
      ),
    ),
  );
}

function candidatesTable(page) {
  const lines = page.scores.map((score, i) => {
    const column = page.columns.find((each) => each.members.includes(i));
    const right = page.passed === null ? "" : page.passed[i] ? "✓" : "✗";
    return el(
      "tr",
      { class: i === page.winner ? "winner" : "" },
      el("td", { class: "num" }, `#${i}`),
      el("td", {}, groupName(page, column)),
      el(
        "td",
        { class: "bar-cell" },
        el("span", { class: "level", "aria-hidden": "true" }, el("i", { style: `width:${(100 * score).toFixed(1)}%` })),
      ),
      el("td", { class: "num" }, figure(score)),
      el("td", { class: right === "✓" ? "good" : "bad" }, right),
      el("td", {}, i === page.winner ? "★" : ""),
    );
  });
  const heads = ["", "Group", "Consensus", "", page.passed === null ? "" : "Right", ""];
  return el(
    "table",
    { id: "candidates" },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        heads.map((name) => el("th", { scope: "col" }, name)),
      ),
    ),
    el("tbody", {}, lines),
  );
}

// The groups as parts of one bar, as wide as they have candidates.
function sharesBar(page) {
  const parts = page.columns.map((column, i) => {
    const right = rightOf(page, column);
    const kind = isCrashed(page, column) ? "gone" : right === null ? "" : right > 0 ? "right" : "wrong";
    const n = column.members.length;
    const star = column.members.includes(page.winner) ? " ★" : "";
    const title = `${groupName(page, column)}: ${plural(n, "candidate")}`;
    return el(
      "a",
      { class: kind, href: "#program", title, style: `flex-grow:${n}`, click: (event) => showProgram(event, i) },
      el("b", {}, groupName(page, column) + star),
      n > 1 ? String(n) : "",
    );
  });
  return el("div", { class: "shares" }, parts);
}

function programCard(page, column, place) {
  const ends = column.ends.map(([what, n]) => `${what} × ${n}`).join(", ");
  const about = [`#${column.shown}`, `consensus ${figure(page.scores[column.shown])}`];
  if (column.nll !== null) about.push(`NLL ${figure(column.nll)}`);
  const others = column.members.filter((member) => member !== column.shown);
  return el(
    "details",
    { class: "program", id: `program-${place}`, open: place < 4 },
    el(
      "summary",
      {},
      el("span", { class: "letter" }, groupName(page, column)),
      el("span", { class: "soft" }, plural(column.members.length, "candidate")),
      column.members.includes(page.winner) ? el("span", { class: "mark star" }, "★ winner") : null,
      rightMark(page, column),
    ),
    el(
      "p",
      { class: "soft about" },
      about.join(" · "),
      others.length ? `; like it ${others.map((i) => `#${i}`).join(" ")}` : "",
      ends ? `. Crashes: ${ends}` : "",
    ),
    column.observation
      ? el("p", { class: "observation" }, clipped(column.observation, { characters: 240, lines: 4 }))
      : null,
    column.is_text ? el("p", { class: "soft" }, "No code block was found in this completion:") : null,
    codeBlock(column.code, !column.is_text),
  );
}

function block(title, ...content) {
  return el("section", {}, el("h2", {}, title), content);
}

function statementBlock(page) {
  const long = { characters: 2400, lines: 40 };
  return [
    el("div", { class: "statement" }, clipped(page.statement, long)),
    wholeText(page.starter) ? codeBlock(page.starter, true) : null,
  ];
}

function drawProblem(page, step) {
  const kind = page.entry === null ? "standard input" : `calls ${page.entry}`;
  const about = [
    page.source,
    page.difficulty,
    kind,
    plural(page.inputs.length, "input"),
    plural(page.scores.length, "candidate"),
  ];
  const moves = el(
    "nav",
    { class: "moves no-print", "aria-label": "Problems" },
    el("a", { href: step.index, id: "to-index" }, "Index"),
    el("a", { href: step.previous, id: "previous", "aria-disabled": step.previous ? null : "true" }, "← Previous"),
    el("a", { href: step.next, id: "next", "aria-disabled": step.next ? null : "true" }, "Next →"),
    el("span", { class: "soft" }, step.place),
  );
  const taken = META.taken.map((each, i) => choiceBlock(page, page.choices[i], each));
  const choices = el("div", { class: "choices" }, taken);
  document.getElementById("problem-view").replaceChildren(
    moves,
    el("h1", {}, page.id),
    el("p", { class: "soft" }, about.filter(Boolean).join(" · ")),
    el(
      "div",
      { class: "columns" },
      el("div", {}, statementBlock(page), taken.length ? [el("h3", {}, "Curriculum and pairs"), choices] : null),
      META.metrics.length ? el("aside", {}, el("h3", {}, "Uncertainty"), metricsList(page)) : null,
    ),
    block(
      "Outputs",
      el(
        "p",
        { class: "soft" },
        "Groups of candidates with the same outputs, by size. Tinted cells differ from the output of most candidates on that input.",
      ),
      sharesBar(page),
      outputsTable(page),
    ),
    block(
      "Programs",
      el("p", { class: "soft" }, "One of each group: the winner of the consensus, else the first."),
      el(
        "div",
        { class: "programs" },
        page.columns.map((column, i) => programCard(page, column, i)),
      ),
    ),
    block(
      "Candidates",
      el("p", { class: "soft" }, "The consensus score of each."),
      el("div", { class: "scroll" }, candidatesTable(page)),
    ),
  );
}
