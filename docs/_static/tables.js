// Tables: thousands separators in frames, numbers on the right, and a mark and a tab stop
// where one scrolls.
document.addEventListener("DOMContentLoaded", () => {
  for (const cell of document.querySelectorAll("table.dataframe td")) {
    const found = /^(-?)(\d{5,})(\.\d+)?$/.exec(cell.textContent.trim());
    if (found) cell.textContent = found[1] + found[2].replace(/\B(?=(\d{3})+$)/g, ",") + (found[3] || "");
  }
  const number = /^[<−+-]?[\d][\d.,eE+−-]*( ?%)?$/;
  for (const table of document.querySelectorAll(".bd-article table:not(.dataframe)")) {
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    [...(table.tHead?.rows[0]?.cells ?? [])].forEach((head, k) => {
      const cells = rows.map((row) => row.cells[k]).filter((cell) => cell?.textContent.trim());
      if (cells.length && cells.every((cell) => number.test(cell.textContent.trim())))
        for (const cell of [head, ...cells]) cell.style.textAlign = "right";
    });
  }
  const mark = () => {
    for (const table of document.querySelectorAll(".bd-article table, .cell_output pre, .highlight pre")) {
      const wide = table.scrollWidth > table.clientWidth + 1;
      table.classList.toggle("scrolls", wide && table.tagName === "TABLE");
      if (wide) table.tabIndex = 0;
      else table.removeAttribute("tabindex");
    }
  };
  mark();
  window.addEventListener("resize", mark);
  window.addEventListener("load", mark);
});
