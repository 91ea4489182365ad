// How pictures share the screen: alone, or two or three in a row or a column. Each is whole, and none is much smaller
// than alone.

const GAP = 0.02; // between two pictures, of the area's shorter side
const LEAST = 0.75; // a picture's side in a group, of what it is alone
const COMPANY = 0.1; // what one more picture counts, of the area that is covered

/** Of the candidates, [{aspect}, ...] (width / height), the first one with those that fill the area best beside it. */
export function choose(candidates, area) {
  const [first, ...others] = candidates;
  let best = [first];
  let most = worth(best, area);
  for (const group of groupsWith(first, others)) {
    const own = worth(group, area);
    if (own > most) {
      [best, most] = [group, own];
    }
  }
  return best;
}

function* groupsWith(first, others) {
  for (const [index, second] of others.entries()) {
    yield [first, second];
    for (const third of others.slice(index + 1)) {
      yield [first, second, third];
    }
  }
}

/** Rounded, so that of groups that are as good as each other the first one is taken. */
function worth(group, area) {
  const boxes = place(group, area);
  const isSmall = group.some((picture, index) => boxes[index].width < LEAST * place([picture], area)[0].width);
  const covered = boxes.reduce((sum, { width, height }) => sum + width * height, 0) / (area.width * area.height);
  return isSmall ? 0 : Math.round(100 * covered * (1 + COMPANY * (group.length - 1)));
}

/** The box of each picture of the group within the area, {left, top, width, height}: as large as they can be. */
export function place(group, { width, height }) {
  const gap = GAP * Math.min(width, height);
  const gaps = gap * (group.length - 1);
  const wide = group.reduce((sum, { aspect }) => sum + aspect, 0); // of a row, by its height
  const high = group.reduce((sum, { aspect }) => sum + 1 / aspect, 0); // of a column, by its width
  const rowHeight = Math.max(0, Math.min(height, (width - gaps) / wide));
  const columnWidth = Math.max(0, Math.min(width, (height - gaps) / high));
  const isRow = rowHeight ** 2 * wide >= columnWidth ** 2 * high;
  const sizes = group.map(({ aspect }) => (
    isRow ? { width: rowHeight * aspect, height: rowHeight } : { width: columnWidth, height: columnWidth / aspect }
  ));
  const sum = (name) => sizes.reduce((all, size) => all + size[name], gaps);
  let at = isRow ? (width - sum("width")) / 2 : (height - sum("height")) / 2;
  return sizes.map((size) => {
    const start = at;
    at += gap + (isRow ? size.width : size.height);
    return isRow
      ? { ...size, left: start, top: (height - size.height) / 2 }
      : { ...size, left: (width - size.width) / 2, top: start };
  });
}
