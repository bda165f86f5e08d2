import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addAmounts, formatAmount, parseAmount, wholeAmount, zeroAmount, type Amount } from './amount.ts';

const of = (text: string): Amount => parseAmount(text) as Amount;
describe('amounts', () => {
  it('are written as resource.Quantity writes them', () => {
    const cases = [
      ['0', '0'],
      ['0.5', '500m'],
      ['1000m', '1'],
      ['1500m', '1500m'],
      ['1024Mi', '1Gi'],
      ['1.5Gi', '1536Mi'],
      ['512', '512'],
      ['0.5Ki', '512'],
      ['1e3', '1e3'],
      ['12E2', '1200'],
      ['1000k', '1M'],
      ['1k', '1k'],
      ['-3', '-3'],
      ['.5', '500m'],
      ['100n', '100n'],
      ['0.1n', '1n'],
      ['18446744073709551616', '18446744073709551616'],
    ] as const;
    for (const [text, canonical] of cases) assert.equal(formatAmount(of(text)), canonical, text);
  });
  it('that are none are not taken', () => {
    for (const text of ['', '.', 'x', '1KiB', '1 ', 'Gi', '1e', '--1', 'Infinity', 'e3']) assert.equal(parseAmount(text), undefined, text);
  });
  it('add up exactly, in the format of the first that counts', () => {
    let sum = zeroAmount;
    for (let i = 0; i < 10; i++) sum = addAmounts(sum, of('100m'));
    assert.equal(formatAmount(sum), '1');
    assert.equal(formatAmount(addAmounts(zeroAmount, of('252Mi'))), '252Mi');
    assert.equal(formatAmount(addAmounts(of('1Gi'), of('1M'))), '1074741824');
    assert.equal(formatAmount(addAmounts(wholeAmount(2), wholeAmount(-1))), '1');
  });
});
