"use strict";
// Everything here is a convenience: the page says all that it has to say without it.
(() => {
  const form = document.getElementById("filter");
  const rows = [...document.querySelectorAll(".verdicts tbody tr")];
  const shown = document.getElementById("shown");
  const searched = new Map(rows.map((row) => [row, row.dataset.text.toLowerCase()]));

  function filter() {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set([...form.querySelectorAll("[name=verdict]:checked")].map((box) => box.value));
    let count = 0;
    for (const row of rows) {
      const fits = verdicts.has(row.dataset.verdict) && words.every((word) => searched.get(row).includes(word));
      row.toggleAttribute("data-hidden", !fits);
      count += fits;
    }
    shown.textContent = count === rows.length ? `${count} verdicts` : `${count} of ${rows.length} verdicts`;
  }

  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  if (navigator.clipboard) {
    for (const line of document.querySelectorAll(".command")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.setAttribute("aria-label", "Copy the command");
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(line.querySelector("code").textContent);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      line.append(button);
    }
  }

  // What is folded away on a screen is wanted on paper.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".claim details:not([open])")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });
})();
