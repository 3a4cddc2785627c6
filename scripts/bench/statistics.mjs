/** @returns the median and the quartiles, which are less sensitive to other work of the machine than a mean */
export function summarize(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

/** @param sorted ascending */
export function quantile(sorted, fraction) {
  const position = (sorted.length - 1) * fraction;
  const index = Math.floor(position);
  const next = sorted[index + 1] ?? sorted[index];
  return sorted[index] + (next - sorted[index]) * (position - index);
}
