// What tells one scan from another: sent again, because its answer was lost, it is the same scan.
export function newNonce() {
  return crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`; // the first needs HTTPS
}
