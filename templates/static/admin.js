// What the admin's theme shows by a symbol or by its place only is told to those who do not see it.
document.addEventListener("DOMContentLoaded", () => {
  const content = document.getElementById("main") ?? document.getElementById("page");
  content?.setAttribute("role", "main");
  const names = { search: "Search", more_horiz: "More actions", unfold_more: "Account" };
  for (const one of document.querySelectorAll("a[href], button")) {
    const name = names[one.textContent.trim()];
    if (name && !one.hasAttribute("aria-label")) one.setAttribute("aria-label", name);
  }
  // SimpleBar takes the names of the regions that it makes from here.
  for (const one of document.querySelectorAll("[data-simplebar]")) {
    const name = one.closest("#nav-sidebar-apps") ? "Lists" : one.closest("form") ? "Rows" : "More";
    one.setAttribute("data-simplebar-aria-label", name);
  }
  for (const one of document.querySelectorAll("thead th")) {
    if (!one.textContent.trim() && !one.querySelector("input")) one.textContent = "Delete";
  }
});
// Select2 makes its fields while the page is loaded.
window.addEventListener("load", () => setTimeout(() => {
  for (const one of document.querySelectorAll(".select2-search__field")) {
    one.setAttribute("aria-label", "Search the choices");
  }
}));
