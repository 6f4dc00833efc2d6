// Reads QR codes from pictures: by the browser's own reader where it has one, else by the vendored one.
import { prepareZXingModule, readBarcodes } from "../vendor/zxing-wasm/reader/index.js";

const OPTIONS = { formats: ["QRCode"], maxNumberOfSymbols: 4, tryRotate: false, tryDownscale: false }; // it is found at any angle
let vendored = null;

// Return what takes a picture (ImageData) and promises the texts of the codes on it.
export async function makeReader(wasm) {
  const native = await nativeReader();
  if (!native) return vendoredReader(wasm);
  let read = native;
  return async (picture) => {
    try {
      return await read(picture);
    } catch (error) {
      if (read !== native) throw error;
      read = await vendoredReader(wasm); // it is there, and does not work: Android without Google's services
      return read(picture);
    }
  };
}

async function nativeReader() {
  const formats = await globalThis.BarcodeDetector?.getSupportedFormats().catch(() => []);
  if (!formats?.includes("qr_code")) return null;
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  return async (picture) => textsOf(await detector.detect(picture), "rawValue");
}

async function vendoredReader(wasm) {
  vendored ??= prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true });
  try {
    await vendored;
  } catch (error) {
    vendored = null; // the network was away: the next start asks again
    throw error;
  }
  return async (picture) => textsOf(await readBarcodes(picture, OPTIONS), "text");
}

function textsOf(codes, name) {
  return codes.map((code) => code[name]).filter(Boolean);
}
