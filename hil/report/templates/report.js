"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;
  for (const part of document.querySelectorAll(".js")) part.hidden = false;

  // A page opened from a file may be refused a store; the choice then ends with it.
  const store = {
    get() { try { return localStorage.getItem("hil-theme"); } catch { return null; } },
    set(value) { try { localStorage.setItem("hil-theme", value); } catch { /* no store */ } },
  };
  const themes = ["system", "light", "dark"];
  const words = { system: "as the system", light: "light", dark: "dark" };
  const button = byId("theme");
  let theme = themes.includes(store.get()) ? store.get() : "system";
  const showTheme = () => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    button.textContent = `Theme: ${words[theme]}`;
  };
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    store.set(theme);
    showTheme();
  });
  showTheme();

  const table = byId("results");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows];
  const search = byId("search");
  const choices = [...document.querySelectorAll("select[data-filter]")];
  const sortBy = byId("sort");
  const direction = byId("direction");
  const count = byId("count");

  const compare = (column, sign) => (a, b) => {
    const [x, y] = [a.cells[column].dataset, b.cells[column].dataset];
    const missing = (x.sort === undefined) - (y.sort === undefined);
    if (missing || x.sort === undefined) return missing;
    // Bases keep their places: only figures of one basis are ranked.
    const groups = Number(x.group) - Number(y.group);
    if (groups) return groups;
    const [m, n] = [Number(x.sort), Number(y.sort)];
    const numbers = x.sort !== "" && y.sort !== "" && !Number.isNaN(m) && !Number.isNaN(n);
    const order = numbers ? m - n : x.sort.localeCompare(y.sort, "en", { numeric: true });
    return sign * order;
  };
  const sort = () => {
    const isSorted = sortBy.value !== "";
    const column = Number(sortBy.value);
    const descends = direction.getAttribute("aria-pressed") === "true";
    const order = isSorted ? [...rows].sort(compare(column, descends ? -1 : 1)) : rows;
    body.append(...order);
    heads.forEach((head, index) => {
      const state = descends ? "descending" : "ascending";
      head.setAttribute("aria-sort", isSorted && index === column ? state : "none");
    });
  };
  const filter = () => {
    const wanted = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const isShown = wanted.every((word) => text.includes(word)) &&
        choices.every((choice) => !choice.value || row.dataset[choice.dataset.filter] === choice.value);
      row.hidden = !isShown;
      shown += isShown;
    }
    count.textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
  };
  heads.forEach((head, index) => {
    const click = document.createElement("button");
    click.type = "button";
    click.textContent = head.textContent;
    head.replaceChildren(click);
    click.addEventListener("click", () => {
      const again = sortBy.value === String(index);
      const descends = direction.getAttribute("aria-pressed") === "true";
      sortBy.value = String(index);
      direction.setAttribute("aria-pressed", String(again && !descends));
      sort();
    });
  });
  search.addEventListener("input", filter);
  for (const choice of choices) choice.addEventListener("change", filter);
  sortBy.addEventListener("change", sort);
  direction.addEventListener("click", () => {
    const descends = direction.getAttribute("aria-pressed") === "true";
    direction.setAttribute("aria-pressed", String(!descends));
    sort();
  });
  byId("clear").addEventListener("click", () => {
    search.value = "";
    for (const choice of choices) choice.value = "";
    sortBy.value = "";
    direction.setAttribute("aria-pressed", "false");
    sort();
    filter();
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  // A browser may fill the form again when the page is loaded anew.
  window.addEventListener("pageshow", () => { sort(); filter(); });

  const open = () => {
    const target = location.hash && byId(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) {
      target.open = true;
      target.scrollIntoView();
    }
  };
  window.addEventListener("hashchange", open);
  document.addEventListener("click", (event) => {
    // The same link twice changes no hash.
    const link = event.target.closest && event.target.closest("a[href^='#row-']");
    if (link && link.hash === location.hash) open();
  });
  open();
})();
