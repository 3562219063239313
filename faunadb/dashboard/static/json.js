// Values as they are on the wire. A number keeps the text it came with: 9007199254740993, 1.0 and 1 are three numbers.

import { parse as read, stringify as write, isLosslessNumber, LosslessNumber } from "./vendor/json.js";

export { isLosslessNumber, LosslessNumber };

const exact = (key, value, { source }) => (typeof value === "number" ? new LosslessNumber(source) : value);
// In browsers that give the text of a number, JSON.parse reads megabytes many times faster than a script could.
const TELLS_SOURCE = JSON.parse("1.0", (key, value, context) => context?.source) === "1.0";

// JSON text to a value. Throws SyntaxError.
export const parse = (text) => (TELLS_SOURCE ? JSON.parse(text, exact) : read(text));

// Where and why a text is not JSON: {start, end, message}; null if it is.
export function syntaxProblem(text) {
  try { parse(text); return null; } catch { /* browsers say where in words of their own, or not at all */ }
  try { read(text); return null; } catch (error) {
    const start = Number(/position (\d+)/.exec(error.message)?.[1] ?? 0);
    return { start, end: start + 1, message: error.message };
  }
}

// A value to JSON text; numbers keep the text they came with. space: as in JSON.stringify.
export const stringify = (value, space) => write(value, undefined, space);

const ESCAPES = new Set(["@ref", "@ts", "@date", "@bytes", "@uuid", "@set", "@query", "@obj"]);

export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value) && !isLosslessNumber(value);

// The name of the escape that a value is, such as "@ref"; null for plain data.
export function escapeOf(value) {
  if (!isObject(value)) return null;
  const keys = Object.keys(value);
  return keys.length === 1 && ESCAPES.has(keys[0]) ? keys[0] : null;
}

// The members of an object, without the wrapping of one whose own keys begin with @.
export const membersOf = (value) => (escapeOf(value) === "@obj" ? value["@obj"] : value);

const isPlain = (value) => isObject(value) && [null, "@obj"].includes(escapeOf(value));

export function equal(a, b) {
  if (isLosslessNumber(a) || isLosslessNumber(b)) return isLosslessNumber(a) && isLosslessNumber(b) && a.value === b.value;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]));
  if (!isObject(a)) return a === b;
  if (!isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}

// The params of an update that turns `before` into `after`: the members that differ, null for those that are gone.
export function patchOf(before, after) {
  const patch = {};
  for (const [key, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    if (old !== undefined && equal(old, value)) continue;
    set(patch, key, isPlain(old) && isPlain(value) && escapeOf(old) === escapeOf(value) && !escapeOf(old) ? patchOf(old, value) : value);
  }
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) set(patch, key, null);
  return patch;
}

// Set an own member, whatever its name: here __proto__ is a field like any other.
function set(object, key, value) {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

// The value at a path, or undefined.
export function at(value, path) {
  let found = value;
  for (const key of path) {
    const inner = isObject(found) ? membersOf(found) : found;
    if (inner === null || typeof inner !== "object" || !Object.hasOwn(inner, key)) return undefined;
    found = inner[key];
  }
  return found;
}
