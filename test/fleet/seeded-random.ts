/** Random numbers from 0 to below 1 from a seed and a stream number: sfc32 (pracrand.sourceforge.net). */
export function createSeededRandom(seed: number, stream: number): () => number {
  let a = seed >>> 0;
  let b = stream >>> 0;
  let c = 0x9e3779b9;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first numbers are not random enough: they depend visibly on the seed.
  for (let round = 0; round < 15; round += 1) next();
  return next;
}
