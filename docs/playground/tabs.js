// Tabs as the ARIA practices have them: arrows move between tabs, Tab goes on to the panel.

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

export function tabs(list) {
  const all = [...list.querySelectorAll("[role=tab]")];

  function choose(chosen) {
    for (const tab of all) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
    }
  }

  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = all.indexOf(document.activeElement);
    const ends = { Home: 0, End: all.length - 1 };
    const next = event.key in STEPS ? (at + STEPS[event.key] + all.length) % all.length : ends[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    choose(all[next]);
    all[next].focus();
  });
  return { choose: (id) => choose(document.getElementById(id)) };
}
