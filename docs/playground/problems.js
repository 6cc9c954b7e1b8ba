// Problems as elements of the page.

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function codeLink(code) {
  const link = element("a", { href: `../reference/problems/${code}.html`, target: "_blank", rel: "noopener" }, code);
  link.title = `What ${code} means, in a new tab`;
  return link;
}

/** A text whose parts in backticks are code. */
function withCode(text) {
  return text.split("`").map((part, n) => (n % 2 ? element("code", {}, part) : part));
}

/** Severity, code, fact and remedy. */
export function problemText(problem) {
  const severity = element("b", { className: `severity ${problem.severity}` }, problem.severity);
  const parts = [severity, " ", codeLink(problem.code), " ", ...withCode(problem.message)];
  if (problem.hint) parts.push(element("span", { className: "hint" }, ...withCode(problem.hint)));
  return element("div", { className: "problem" }, ...parts);
}

/** A list entry: the place, which is a button that calls `onChoose`, and the text. */
export function problemEntry(problem, onChoose) {
  const where = problem.file === "facts" ? "Facts, line" : "Line";
  const place = problem.line
    ? element("button", { type: "button", className: "place", onclick: () => onChoose(problem) }, `${where} ${problem.line}`)
    : element("span", { className: "place" }, "Whole text");
  return element("li", {}, place, problemText(problem));
}

function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** How many there are of each severity, in words. */
export function countOf(problems) {
  const amounts = ["error", "warning", "note"]
    .map((severity) => [problems.filter((each) => each.severity === severity).length, severity])
    .filter(([number]) => number)
    .map(([number, severity]) => counted(number, severity));
  return amounts.join(", ") || "No problems";
}
