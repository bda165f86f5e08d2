/** A number below 2^53 from a text, well spread: two rounds of FNV-1a with different starts. */
export function hashOf(text: string): number {
  let low = 0x811c9dc5;
  let high = 0x01000193 ^ text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code ^ (low >>> 15), 0x85ebca6b);
  }
  return (mix(high) & 0x1fffff) * 0x1_0000_0000 + mix(low ^ (high >>> 7));
}
function mix(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * `handSize` different cards of a deck, each hand as likely as any other (shuffle sharding): a flow may use these
 * queues only, so that one flow's flood fills a few of them and another flow has, most likely, one of its own.
 */
export function deal(hash: number, deckSize: number, handSize: number): number[] {
  const hand: number[] = [];
  let rest = hash;
  for (let i = 0; i < Math.min(handSize, deckSize); i++) {
    const left = deckSize - i;
    let card = rest % left;
    rest = Math.floor(rest / left);
    // `card` counts those that are still in the deck.
    const sorted = hand.toSorted((a, b) => a - b);
    for (const taken of sorted) if (taken <= card) card++;
    hand.push(card);
  }
  return hand;
}
