// The other forms of the gate, without a new page, which would stop the camera: taking back, looking up, by name.
import { NoNetwork, post } from "./gate_network.js";
import { newNonce } from "./gate_nonce.js";
import { showResult } from "./gate_result.js";
import { refreshSoon } from "./regions.js";
import { announce } from "./status.js";
import { fill } from "./words.js";

export function startForms(desk, admit) {
  // The page that logs out, and wipes the list, is not on the device.
  document.addEventListener("click", (event) => {
    if (navigator.onLine || !event.target.closest('a[href*="/logout/"]')) return;
    event.preventDefault();
    showResult({ outcome: "refused", detail: document.querySelector("[data-needs-network]").textContent });
  });
  desk.addEventListener("submit", async (event) => {
    const form = event.target;
    const act = { undo, people, admit: () => admitFound(form, admit) }[form.dataset.act];
    if (!act) return;
    event.preventDefault();
    try {
      await act(form);
    } catch (error) {
      if (!(error instanceof NoNetwork)) throw error;
      showResult({ outcome: "refused", detail: document.querySelector("[data-needs-network]").textContent });
    }
  });
}

async function admitFound({ elements }, admit) {
  await admit({ ticket: elements.ticket.value, nonce: elements.nonce.value });
  document.getElementById("who").value = ""; // the next one has another name
  document.querySelector("[data-people]").replaceChildren();
}

async function undo(form) {
  const { status, body } = await post(form.action, new FormData(form));
  if (status === 200) {
    document.getElementById("code").focus(); // the form goes, and what follows is the next ticket
    showResult({ outcome: "undone" });
    refreshSoon();
  } else showResult({ outcome: "refused", detail: body.detail });
}

async function people(form) {
  const { status, body } = await post(form.action, new FormData(form));
  if (status !== 200) return showResult({ outcome: "refused", detail: body.detail });
  const list = document.querySelector("[data-people]");
  list.replaceChildren(...body.people.map(personRow));
  const none = document.querySelector("[data-nobody]");
  none.hidden = body.people.length > 0;
  if (none.hidden) announce(fill(list.dataset.found, { count: body.people.length }));
}

function personRow({ ticket, attendee, email, status }) {
  const row = document.querySelector(`[data-person-row="${status}"]`).content.cloneNode(true);
  row.querySelector(".gate__name").textContent = attendee;
  row.querySelector(".hint").textContent = email;
  if (status === "valid") {
    row.querySelector("[name=ticket]").value = ticket;
    row.querySelector("[name=nonce]").value = newNonce();
    row.querySelector("button span").textContent = ` ${attendee}`;
  }
  return row;
}
