
"use strict";
(() => {
  const cells = [...document.querySelectorAll("button[data-cell]")];
  const cases = [...document.querySelectorAll(".case")];
  const heading = document.querySelector("#wrong h2");
  const shown = document.getElementById("shown");
  const all = document.getElementById("all");
  if (!shown) return;
  const everything = shown.textContent;
  document.getElementById("hint").hidden = false;

  // Shows the cases of one cell of the confusion matrix, or with null all of them.
  function filter(cell) {
    let count = 0;
    for (const item of cases) {
      item.hidden = cell !== null && item.dataset.cell !== cell.dataset.cell;
      count += !item.hidden;
    }
    for (const other of cells) other.setAttribute("aria-pressed", String(other === cell));
    const left = cell && Number(cell.textContent) - count;
    const some = left ? shown.dataset.some.replace("#", count) : "";
    shown.textContent = cell ? cell.getAttribute("aria-label") + some : everything;
    all.hidden = cell === null;
  }

  for (const cell of cells) {
    cell.disabled = false;
    cell.setAttribute("aria-pressed", "false");
    cell.addEventListener("click", () => {
      const pressed = cell.getAttribute("aria-pressed") === "true";
      filter(pressed ? null : cell);
      if (!pressed) heading.focus(); // which scrolls to the cases, and lets Tab go on from there
    });
  }
  all.addEventListener("click", () => {
    filter(null);
    heading.focus();
  });
})();
