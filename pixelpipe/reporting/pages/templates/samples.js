"use strict";
(() => {
  const source = document.getElementById("samples-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const section = document.getElementById("samples");
  const stage = section.querySelector(".stage");
  const rows = [...section.querySelectorAll(".samples tbody tr")].map((tr) => [...tr.querySelectorAll(".sprite")]);
  const epochOfRow = data.epochs.flatMap((strips, epoch) => Array(strips).fill(epoch));
  const firstRow = data.epochs.map((_, epoch) => epochOfRow.indexOf(epoch));
  const numSeeds = Math.max(...data.rows.flatMap((row) => row.images.map((seeds) => seeds.length)));
  const at = { row: firstRow[firstRow.length - 1], column: 0, seed: 0 };
  const hovers = matchMedia("(hover: hover)").matches;

  const imageOf = (row, column) => data.rows[row].images[column][at.seed] || null;

  const judged = (image) => image.figures.length ? `${image.figures[0]} ${data.metrics[0]}` : "";  // before training: none

  function describe(row, column) {
    const image = imageOf(row, column);
    const title = data.rows[row].title;
    if (!image) return `${title}: no image`;
    return `${[title, `seed ${image.seed}`, judged(image)].filter(Boolean).join(", ")}: ${data.prompts[column]}`;
  }

  function dress(element, row, column) {
    const image = imageOf(row, column);
    element.classList.toggle("none", !image);
    element.classList.toggle(data.rows[row].sheet, Boolean(image));
    element.setAttribute("aria-label", describe(row, column));
    return image;
  }

  function showSeed() {
    section.style.setProperty("--seed", at.seed);
    rows.forEach((cells, row) => cells.forEach((cell, column) => {
      const image = dress(cell, row, column);
      if (image && image.href) { cell.href = image.href; cell.removeAttribute("role"); }
      else { cell.removeAttribute("href"); cell.setAttribute("role", "img"); }
    }));
  }

  function showSide(figure, row) {
    figure.hidden = row === undefined;
    if (row === undefined) return null;
    const sprite = figure.querySelector(".sprite");
    sprite.className = "sprite";
    sprite.style.setProperty("--c", at.column);
    const image = dress(sprite, row, at.column);
    const caption = figure.querySelector("figcaption");
    caption.textContent = [data.rows[row].title, image && judged(image)].filter(Boolean).join(": ");
    if (image && image.href) {
      const link = document.createElement("a");
      link.href = image.href;
      link.textContent = "full size";
      caption.append(" · ", link);
    } else if (image && judged(image)) caption.append(" · full size no longer kept");
    return image;
  }

  function show() {
    const epoch = epochOfRow[at.row];
    const first = firstRow[epoch];
    const ours = showSide(stage.querySelector(".ours"), first);
    const theirs = showSide(stage.querySelector(".theirs"), data.epochs[epoch] > 1 ? first + 1 : undefined);
    stage.querySelector(".prompt bdi").textContent = data.prompts[at.column];
    stage.querySelectorAll(".figures tbody tr").forEach((tr, metric) => {
      [ours, theirs].forEach((image, side) => { tr.cells[side + 1].textContent = (image && image.figures[metric]) || ""; });
    });
    for (const tr of stage.querySelector(".figures").rows) tr.cells[2].hidden = data.epochs[epoch] < 2;
    const seed = (ours || theirs || { seed: "–" }).seed;
    stage.querySelector(".where").textContent =
      `${data.rows[first].title}, prompt ${at.column + 1} of ${data.prompts.length}, seed ${seed} (${at.seed + 1} of ${numSeeds})`;
    rows.flat().forEach((cell) => { cell.tabIndex = -1; cell.classList.remove("current"); });
    const current = rows[at.row][at.column];
    current.tabIndex = 0;
    current.classList.add("current");
  }

  const within = (value, length) => Math.min(Math.max(value, 0), length - 1);

  function step(what, by) {
    if (what === "prompt") at.column = within(at.column + by, data.prompts.length);
    if (what === "seed") { at.seed = (at.seed + by + numSeeds) % numSeeds; showSeed(); }
    if (what === "epoch") {
      const epoch = within(epochOfRow[at.row] + by, data.epochs.length);
      at.row = Math.min(firstRow[epoch] + at.row - firstRow[epochOfRow[at.row]], firstRow[epoch] + data.epochs[epoch] - 1);
    }
    if (what === "row") at.row = within(at.row + by, rows.length);
    show();
  }

  function placeOf(element) {
    const row = rows.findIndex((cells) => cells.includes(element));
    return row < 0 ? null : { row, column: rows[row].indexOf(element) };
  }

  function point(event) {
    const place = placeOf(event.target);
    if (place && (place.row !== at.row || place.column !== at.column)) { Object.assign(at, place); show(); }
  }

  const table = section.querySelector(".samples");
  table.addEventListener("focusin", point);
  if (hovers) table.addEventListener("mouseover", point);
  else table.addEventListener("click", (event) => {  // without a pointer that hovers, the first tap enlarges, the second follows
    const place = placeOf(event.target);
    if (place && event.target !== table.dataset.tapped) {
      if (table.tapped !== event.target) event.preventDefault();
      table.tapped = event.target;
      point(event);
    }
  });
  stage.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) step(button.dataset.step, Number(button.dataset.by));
  });
  const keys = { ArrowLeft: ["prompt", -1], ArrowRight: ["prompt", 1], ArrowUp: ["row", -1], ArrowDown: ["row", 1], s: ["seed", 1], S: ["seed", -1] };
  section.addEventListener("keydown", (event) => {
    const move = keys[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const inTable = table.contains(document.activeElement);
    step(move[0] === "row" && !inTable ? "epoch" : move[0], move[1]);
    if (inTable) rows[at.row][at.column].focus({ preventScroll: false });
  });
  stage.hidden = false;
  showSeed();
  show();
})();
