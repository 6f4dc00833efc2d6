// A passkey or security key that was not used: the page says so, in place of the console.
import { words } from "./words.js";

export function startKeys() {
  const place = document.querySelector("[data-key-said]");
  if (!place) return;
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault(); // or the library writes it to the console
    const sentence = words(event.detail.exception?.name === "NotAllowedError" ? "key_not_used" : "key_failed");
    place.textContent = "";
    setTimeout(() => (place.textContent = sentence)); // a second time is announced, too
  });
}
