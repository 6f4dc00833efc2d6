// Replaced by the camera reader.
export async function startCamera(_, { onTrouble }) { onTrouble("none"); }
export function stopCamera() {}
export function toggleTorch() {}
export function switchCamera() {}
