import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreError } from '../store.ts';
import { loadSecretbox } from './secretbox.ts';

/** The example of NaCl's own tests (tests/secretbox.c, tests/secretbox2.out). */
const firstKey = '1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389';
const nonce = '69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37';
const message =
  'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705';
const box =
  'f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5';
const prefix = Buffer.from('k8s:enc:secretbox:v1:one:');
const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const cannot = (error: unknown): boolean => error instanceof StoreError && error.code === 'unreadable';

describe('secretbox', async () => {
  const secretbox = await loadSecretbox();
  const one = secretbox({ name: 'one', secret: hex(firstKey) });

  it('opens what NaCl sealed', () => {
    assert.deepEqual(Buffer.from(one.open('/a', Buffer.concat([prefix, hex(nonce), hex(box)]))), hex(message));
  });
  it('opens what it sealed, which is another text each time', () => {
    const value = Buffer.from('a value');
    const [first, second] = [one.seal('/a', value), one.seal('/a', value)].map((sealed) => Buffer.from(sealed));
    assert.ok(first && second && !first.equals(second));
    assert.ok(first.subarray(0, prefix.length).equals(prefix));
    assert.equal(first.length, prefix.length + 24 + 16 + value.length);
    for (const sealed of [first, second]) assert.deepEqual(Buffer.from(one.open('/a', sealed)), value);
    assert.deepEqual(Buffer.from(one.open('/a', one.seal('/a', Buffer.alloc(0)))), Buffer.alloc(0));
  });
  it('says so when the key is another, or the value was changed or cut off', () => {
    const sealed = Buffer.from(one.seal('/a', Buffer.from('a value')));
    const other = secretbox({ name: 'one', secret: Buffer.alloc(32, 1) });
    assert.throws(() => other.open('/a', sealed), cannot);
    assert.throws(() => one.open('/a', sealed.subarray(0, prefix.length + 30)), cannot);
    sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
    assert.throws(() => one.open('/a', sealed), cannot);
  });
});
