"use strict";
(() => {
  const filter = document.querySelector(".filter");
  const rows = [...document.querySelectorAll(".all tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  if (rows.length < 2) return;
  filter.hidden = false;
  filter.querySelector("input").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = rows.filter((row, number) => !(row.hidden = !words.every((word) => texts[number].includes(word))));
    filter.querySelector("[role=status]").textContent = words.length ? `${shown.length} of ${rows.length}` : "";
  });
})();
