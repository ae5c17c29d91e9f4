"use strict";
(() => {  // what scrolls sideways can be reached by keyboard, and says what it is
  const regions = document.querySelectorAll(".scroll");
  const name = (region, number) => {
    const section = region.closest("section");
    const heading = section && section.querySelector("h2");
    const before = section ? [...section.querySelectorAll(".scroll")].indexOf(region) : number;
    return `${heading ? heading.textContent : "Results"}, table ${before + 1}`;
  };
  const mark = () => regions.forEach((region, number) => {
    const scrolls = region.scrollWidth > region.clientWidth + 1 && !region.querySelector("a[tabindex]");
    if (scrolls) {
      region.tabIndex = 0;
      region.setAttribute("role", "region");
      region.setAttribute("aria-label", name(region, number));
    } else ["tabindex", "role", "aria-label"].forEach((attribute) => region.removeAttribute(attribute));
  });
  mark();
  addEventListener("resize", mark);
})();
