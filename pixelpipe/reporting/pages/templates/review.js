"use strict";
(() => {
  const data = JSON.parse(document.getElementById("review-data").textContent);
  const find = (selector) => document.querySelector(selector);
  const [start, vote, end] = [".start", ".vote", ".end"].map(find);
  const memory = `pixelpipe-review-${data.review}`;
  let votes = [];  // of the pairs up to the one that is shown
  let reviewer = "";
  let shownAt = 0;

  function remember() {  // a closed tab loses nothing, where the browser allows it
    try { localStorage.setItem(memory, JSON.stringify({ reviewer, votes })); } catch (error) { console.info("not kept:", error.message); }
  }

  function recall() {
    try { return JSON.parse(localStorage.getItem(memory)); } catch { return null; }
  }

  function show() {
    const done = votes.length >= data.pairs.length;
    [start, vote, end].forEach((part) => { part.hidden = true; });
    if (done) return finish();
    vote.hidden = false;
    const pair = data.pairs[votes.length];
    find(".where").textContent = `Pair ${votes.length + 1} of ${data.pairs.length}`;
    find("progress").value = votes.length;
    find(".prompt bdi").textContent = pair.prompt;
    vote.querySelectorAll(".pair button").forEach((button) => { button.firstElementChild.src = pair[button.dataset.choice]; });
    shownAt = performance.now();
  }

  function finish() {
    [start, vote].forEach((part) => { part.hidden = true; });
    end.hidden = false;
    find(".summary").textContent = `${votes.length} of ${data.pairs.length} pairs have your vote.`;
    find("[data-choice=save]").disabled = !votes.length;
    find("[data-choice=resume]").hidden = votes.length >= data.pairs.length;
    end.querySelector("h2").focus();
  }

  function save() {
    const ballot = { review: data.review, reviewer, votes };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(ballot, null, 1)], { type: "application/json" }));
    link.download = `votes-${data.review}-${reviewer.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 40) || "reviewer"}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function choose(choice) {
    if (choice === "save") return save();
    if (choice === "stop") return finish();
    if (choice === "resume") return show();
    if (choice === "back") votes.pop();
    else votes.push({ pair: votes.length + 1, choice, voted_at: new Date().toISOString(), seconds: Math.round(performance.now() - shownAt) / 1000 });
    remember();
    return show();
  }

  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    reviewer = find("#reviewer").value.trim();
    if (!reviewer) return;
    const kept = recall();
    votes = kept && kept.reviewer === reviewer ? kept.votes : [];
    show();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-choice]");
    if (button) choose(button.dataset.choice);
  });
  const keys = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "equal", Backspace: "back" };
  document.addEventListener("keydown", (event) => {
    if (vote.hidden || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    if (!event.repeat) choose(keys[event.key]);
  });
})();
