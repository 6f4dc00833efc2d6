// Hands a page's address to the device's own list of ways to share, where it has one.
async function share(button) {
  try {
    await navigator.share({ title: document.querySelector("h1").textContent.trim(), url: button.dataset.share });
  } catch {
    // Closed without a choice; the link stands beside the button.
  }
}

export function startSharing() {
  if (!navigator.share) return;
  for (const button of document.querySelectorAll("[data-share]")) {
    button.hidden = false;
    button.addEventListener("click", () => share(button));
  }
}
