// Signing out wipes the list of a gate's device: on the way out, and on any page that is somebody else's, or nobody's.
import { countUnsent, wipe, wipeUnlessOf } from "./gate_store.js";

export async function startLeaving() {
  const form = document.querySelector("[data-logout]");
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    await wipe().catch(() => {}); // the next page tries it again
    form.submit();
  });
  await wipeUnlessOf(document.body.dataset.person);
  const unsent = document.querySelector("[data-unsent-warning]");
  if (unsent) unsent.hidden = !(await countUnsent());
}
