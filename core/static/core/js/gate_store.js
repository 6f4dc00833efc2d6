// What a gate's device keeps: `lists` by event, `marks` of what it let in, `queue` of scans that were not sent yet.
const NAME = "gate";
const OWNER = "gate-staff"; // whose list it is
let opening = null;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      for (const store of ["lists", "marks", "queue"]) asked.result.createObjectStore(store);
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  return opening;
}

async function begin(stores, mode) {
  return (await open()).transaction(stores, mode, { durability: "strict" }); // a dead battery loses no scan
}

function ended(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

async function act(store, mode, what) {
  const transaction = await begin([store], mode);
  const asked = what(transaction.objectStore(store));
  await ended(transaction);
  return asked.result;
}

export const read = (store, key) => act(store, "readonly", (rows) => rows.get(key));
export const readKeys = (store) => act(store, "readonly", (rows) => rows.getAllKeys());
export const readAll = (store) => act(store, "readonly", (rows) => rows.getAll());
export const write = (store, key, value) => act(store, "readwrite", (rows) => rows.put(value, key));
export const remove = (store, key) => act(store, "readwrite", (rows) => rows.delete(key));
const clear = (store) => act(store, "readwrite", (rows) => rows.clear());

// Whether this browser keeps anything for this page, which it does over HTTPS only.
export function canStore() {
  return Boolean(window.indexedDB && window.crypto.subtle && "serviceWorker" in navigator);
}

// Lets a ticket in once, and notes the scan, in one step: two tabs of a device do not both, and no green is forgotten.
// Resolves to the mark of an earlier one, if there is one; `rowOf(used)` makes the row for the queue.
export async function admitOnce(key, mark, nonce, rowOf) {
  const transaction = await begin(["marks", "queue"], "readwrite");
  const [marks, queue] = ["marks", "queue"].map((store) => transaction.objectStore(store));
  const asked = marks.get(key);
  asked.onsuccess = () => {
    if (!asked.result) marks.put(mark, key);
    queue.put(rowOf(asked.result), nonce);
  };
  await ended(transaction);
  return asked.result;
}

export function own(staff) {
  localStorage.setItem(OWNER, staff); // before the list: what cannot be wiped is not kept
}

// A page of somebody else, or of nobody: the list goes. Scans that were not sent stay until their staff is back.
export async function wipeUnlessOf(person) {
  const owner = kept(OWNER);
  if (owner === null || owner === person) return;
  await wipe();
}

export async function wipe() {
  if (kept(OWNER) === null) return;
  await Promise.all([clear("lists"), clear("marks"), caches.delete("gate")]);
  localStorage.removeItem(OWNER);
}

export async function countUnsent() {
  return kept(OWNER) === null ? 0 : (await readAll("queue")).length;
}

function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // a browser that keeps nothing for a page keeps no list either
  }
}
