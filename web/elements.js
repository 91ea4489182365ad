// Elements that a page makes itself: what is printed, and the staff's page.

/** An element of this tag with these properties and children; `class` is its class, a child may be a text. */
export function element(tag, properties = {}, ...children) {
  const { class: name = "", ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  if (name) {
    made.className = name;
  }
  made.append(...children);
  return made;
}
