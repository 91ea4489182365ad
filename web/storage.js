// What this browser keeps by name: "localStorage" or "sessionStorage"; where it refuses them (cookies blocked), memory.

const memory = {};

export function stored(storage, name) {
  try {
    return globalThis[storage].getItem(name);
  } catch {
    return memory[name] ?? null;
  }
}

/** Stores a text, or removes it (null). */
export function store(storage, name, value) {
  memory[name] = value;
  try {
    if (value === null) {
      globalThis[storage].removeItem(name);
    } else {
      globalThis[storage].setItem(name, value);
    }
  } catch (error) {
    console.warn(`this browser stores nothing in ${storage}`, error.name);
  }
}
