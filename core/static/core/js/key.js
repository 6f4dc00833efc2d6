// A passkey or security key that was not used: the page says so, in place of the console.
const GIVEN_UP =
  "The key was not used: you cancelled, took too long, or this device has no key for this site. Try again, or go another way.";
const FAILED = "The key could not be asked for: the site or this device did not answer. Try again in a moment.";

export function startKeys() {
  const place = document.querySelector("[data-key-said]");
  if (!place) return;
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault(); // or the library writes it to the console
    const sentence = event.detail.exception?.name === "NotAllowedError" ? GIVEN_UP : FAILED;
    place.textContent = "";
    setTimeout(() => (place.textContent = sentence)); // a second time is announced, too
  });
}
