// The page: takes a manifest, facts and a profile, asks kvnet in its worker, and shows XML, picture and problems.
import { colouredXml, editor, goTo, replaceText, showProblems, textOf } from "./editor.js";
import { fragmentOf, stateOf } from "./link.js";
import { countOf, element, problemEntry, problemText } from "./problems.js";
import { Runner } from "./runner.js";
import { tabs } from "./tabs.js";

const PAUSE = 120; // milliseconds without a key before kvnet is asked
const SMALLEST = 0.85; // of its size, to which a drawing shrinks where there is no room; beyond that it scrolls

const byId = (id) => document.getElementById(id);
const manifest = editor(byId("manifest"), {
  label: "Manifest, YAML",
  describedBy: "editor-help",
  onChange: changed,
  onProblems: explain(byId("here")),
});
const facts = editor(byId("facts"), {
  label: "Host facts, YAML",
  describedBy: "editor-help",
  onChange: changed,
  onProblems: explain(byId("facts-here")),
});
const results = tabs(byId("results"));
let runner = null;
let timer = 0;
let xml = "";
let examples = [];

/** Show problems in a place that is read aloud, which therefore changes only when the problems do. */
function explain(place) {
  let shown = "[]";
  return (problems) => {
    const now = JSON.stringify(problems);
    if (now === shown) return;
    shown = now;
    place.replaceChildren(...problems.map(problemText));
  };
}

function profile() {
  return document.querySelector("[name=profile]:checked").value;
}

function state() {
  return { manifest: textOf(manifest), facts: textOf(facts), profile: profile() };
}

function setState({ manifest: text, facts: known = "", profile: chosen }) {
  replaceText(manifest, text);
  replaceText(facts, known);
  byId("facts-box").open = known.trim() !== "";
  const option = [...document.querySelectorAll("[name=profile]")].find((each) => each.value === chosen);
  if (option) option.checked = true;
  ask();
}

function changed() {
  performance.mark("typed");
  byId("example").value = "";
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE);
}

async function ask() {
  const asked = state();
  runner?.ask(asked);
  const fragment = await fragmentOf(asked);
  if (asked.manifest === textOf(manifest)) history.replaceState(null, "", fragment);
}

function start() {
  byId("start").hidden = true;
  tell("Starting Python in this page …");
  runner = new Runner(received);
  runner.ask(state());
}

function received({ answer, failure }) {
  if (failure) tell(failure);
  if (answer) show(answer);
}

function tell(text) {
  if (byId("state").textContent !== text) byId("state").textContent = text;
}

function show({ machines, picture, problems }) {
  performance.mark("shown");
  showProblems(manifest, problems.filter((each) => each.file !== "facts"));
  showProblems(facts, problems.filter((each) => each.file === "facts"));
  if (problems.some((each) => each.file === "facts")) byId("facts-box").open = true;
  tell(countOf(problems));
  showXml(machines, problems);
  showPicture(picture);
  showList(problems);
}

function showXml(machines, problems) {
  xml = machines.map((each) => each.xml).filter(Boolean).join("\n");
  byId("copy-xml").hidden = !xml;
  const refused = machines.filter((each) => !each.xml).map((each) => each.name);
  const parts = [];
  if (refused.length) parts.push(note(`No XML for ${refused.join(", ")}: see the problems.`));
  if (!machines.length) {
    const isFlawed = problems.some((each) => each.severity === "error");
    parts.push(note(isFlawed ? "No XML: the text has errors." : "There is no virtual machine in this text."));
  }
  if (xml) parts.push(element("pre", {}, element("code", {}, colouredXml(xml))));
  byId("xml").replaceChildren(...parts);
}

function showPicture(picture) {
  if (!picture) return byId("picture").replaceChildren(note("Nothing to draw: no machine could be read."));
  const drawn = new DOMParser().parseFromString(picture.svg, "image/svg+xml").documentElement;
  drawn.style.minWidth = `${SMALLEST * drawn.width.baseVal.value}px`;
  const caption = element("figcaption", {}, element("h3", {}, "In words"), picture.summary);
  const scrolled = element("div", { className: "drawing", tabIndex: 0, role: "group" }, document.importNode(drawn, true));
  scrolled.setAttribute("aria-label", "Drawing");
  byId("picture").replaceChildren(element("figure", {}, scrolled, caption));
}

function showList(problems) {
  byId("tab-problems").textContent = problems.length ? `Problems (${problems.length})` : "Problems";
  const choose = (problem) => goTo(problem.file === "facts" ? facts : manifest, problem);
  const entries = problems.map((problem) => problemEntry(problem, choose));
  const list = problems.length ? element("ol", { className: "problems" }, ...entries) : note("No problems.");
  byId("problems").replaceChildren(list);
}

function note(text) {
  return element("p", { className: "note" }, text);
}

async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copy it from the address bar";
  }
  setTimeout(() => { button.textContent = before; }, 2000);
}

byId("example").addEventListener("change", ({ target }) => {
  const chosen = examples.find((each) => each.name === target.value);
  if (chosen) setState(chosen);
});
byId("profile").addEventListener("change", ask);
byId("start").addEventListener("click", start);
byId("copy-xml").addEventListener("click", ({ target }) => copy(xml, target));
byId("copy-link").addEventListener("click", async ({ target }) => {
  const link = new URL(await fragmentOf(state()), location.href);
  link.search = "";
  await copy(link.href, target);
});
addEventListener("hashchange", async () => {
  const given = await stateOf(location.hash);
  if (given) setState(given);
});

results.choose("tab-xml");
examples = await (await fetch("examples.json")).json();
byId("example").append(...examples.map((each) => element("option", { value: each.name, title: each.about }, each.name)));
const given = await stateOf(location.hash);
setState(given ?? examples.find((each) => each.name === "multus") ?? examples[0]);
if (!given) byId("example").value = "multus";
if (new URLSearchParams(location.search).has("on-demand")) {
  byId("start").hidden = false;
  tell("kvnet has not been started.");
} else {
  start();
}
