"use strict";
// Filters and sorts the tables. Every text goes in by textContent: nothing here can make markup of it.
document.documentElement.classList.add("js"); // before the tables are there: see page.css
document.addEventListener("DOMContentLoaded", () => {
  const STEP = 200; // rows that are shown more, when asked for
  const PAUSE = 90; // milliseconds without a key before a large table is filtered
  const collator = new Intl.Collator("en", { numeric: true });
  const tables = new Map();

  const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

  function enhance(section) {
    const table = section.querySelector("table");
    const text = section.querySelector("input");
    const kind = section.querySelector("select");
    const clear = section.querySelector(".clear");
    const more = section.querySelector(".more");
    const status = section.querySelector("[role=status]");
    const headings = Array.from(table.tHead.rows[0].cells);
    const body = table.tBodies[0];
    const total = Number(table.dataset.rows);
    const noun = table.dataset.noun;
    const atOnce = body.rows.length;
    const ranks = new Map(Array.from(kind.options, (option, place) => [option.value, place]));
    let rows = null; // of all bodies, once somebody asks for other ones than the first
    let matches = null; // of these, what the filter lets through
    let shown = atOnce;
    let sorted = null; // [column, direction]
    let timer = 0;

    function index() {
      if (rows !== null) return;
      rows = [];
      for (const part of table.tBodies) {
        for (const row of part.rows) {
          const cells = Array.from(row.cells, (cell) => cell.textContent);
          rows.push({ row, cells, text: cells.join("\n").normalize().toLowerCase() });
        }
      }
      while (table.tBodies.length > 1) table.tBodies[1].remove();
      matches = rows;
    }

    function show(most) {
      const part = document.createDocumentFragment();
      for (const { row } of matches.slice(0, most)) part.append(row);
      body.replaceChildren(part);
    }

    function tell() {
      const count = matches === null ? total : matches.length;
      const filtered = text.value.trim() !== "" || kind.value !== "";
      const seen = Math.min(shown, count);
      let line = filtered ? `${count.toLocaleString("en")} of ${plural(total, noun)} match` : plural(total, noun);
      if (filtered && count === 0) line = `No ${noun} matches`;
      if (seen < count) line += `, the first ${seen.toLocaleString("en")} are shown`;
      status.textContent = line;
      more.hidden = seen >= count;
      more.textContent = `Show ${Math.min(STEP, count - seen).toLocaleString("en")} more`;
      clear.disabled = !filtered;
    }

    function filter() {
      clearTimeout(timer);
      index();
      const words = text.value.normalize().toLowerCase().split(/\s+/).filter(Boolean);
      matches = rows.filter(
        ({ row, text }) =>
          (kind.value === "" || row.dataset.kind === kind.value) && words.every((word) => text.includes(word)),
      );
      shown = atOnce;
      show(shown);
      tell();
    }

    function sort(column) {
      index();
      const sign = sorted !== null && sorted[0] === column ? -sorted[1] : 1;
      sorted = [column, sign];
      const way = headings[column].dataset.sort;
      const value = {
        kind: ({ row }) => ranks.get(row.dataset.kind),
        number: ({ cells }) => (cells[column] === "" ? -1 : Number(cells[column].replaceAll(",", ""))),
        text: ({ cells }) => cells[column],
      }[way];
      const compare = way === "text" ? collator.compare : (one, other) => one - other;
      const keyed = rows.map((entry) => [value(entry), entry]);
      keyed.sort(([one], [other]) => sign * compare(one, other));
      rows = keyed.map(([, entry]) => entry);
      headings.forEach((heading, place) => {
        if (place === column) heading.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
        else heading.removeAttribute("aria-sort");
      });
      filter();
    }

    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent;
      button.addEventListener("click", () => sort(column));
      heading.replaceChildren(button);
    });
    text.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(filter, PAUSE);
    });
    kind.addEventListener("change", filter);
    clear.addEventListener("click", () => {
      narrow("", "");
      text.focus();
    });
    more.addEventListener("click", () => {
      index();
      const next = body.rows.length;
      shown += STEP;
      show(shown);
      tell();
      const row = body.rows[next];
      row.tabIndex = -1; // whoever goes by keyboard goes on where the new rows begin
      row.focus({ preventScroll: true });
    });
    addEventListener("beforeprint", () => {
      if (matches === null && total === atOnce) return;
      index();
      show(matches.length);
    });
    addEventListener("afterprint", () => {
      if (matches !== null) show(shown);
    });

    function narrow(words, value) {
      text.value = words;
      kind.value = ranks.has(value) ? value : "";
      filter();
    }
    tables.set(section.querySelector("h2").id, narrow);
    tell();
  }

  for (const table of document.querySelectorAll("table")) enhance(table.closest("section"));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-show], a[data-find]");
    if (link === null) return;
    const narrow = tables.get(link.hash.slice(1));
    if (narrow !== undefined) narrow(link.dataset.find ?? "", link.dataset.show ?? "");
  });
});
