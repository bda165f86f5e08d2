import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { IAMUser, type IamUserSpec } from '#kinds';
import { testState } from '../testing.ts';

const here = { account: '000000000000', region: 'global' };
const user = (userName: string): IamUserSpec => ({
  userName,
  userId: 'AIDA1',
  arn: `arn:aws:iam::000000000000:user/${userName}`,
  path: '/',
  createDate: '',
  attached: [],
  inline: {},
  tags: [],
  groups: [],
});

describe('a table', () => {
  test('reads see every write that was acknowledged', async () => {
    const table = (await testState([IAMUser])).table(IAMUser);
    assert.equal(await table.create(here, 'Ana/x', user('Ana')), true);
    assert.equal(table.get(here, 'Ana/x')?.userName, 'Ana');
    assert.equal(table.get(here, 'ana/x'), undefined);
    assert.equal(await table.create(here, 'Ana/x', user('Ana')), false);
    await table.update(here, 'Ana/x', (current) => ({ ...current, path: '/a/' }));
    assert.equal(table.get(here, 'Ana/x')?.path, '/a/');
    assert.equal((await table.delete(here, 'Ana/x'))?.path, '/a/');
    assert.equal(table.get(here, 'Ana/x'), undefined);
    assert.equal(await table.delete(here, 'Ana/x'), undefined);
    assert.equal(await table.update(here, 'Ana/x', (current) => current), undefined);
  });
  test('many writers of one thing all get their turn', async () => {
    const table = (await testState([IAMUser])).table(IAMUser);
    await table.create(here, 'a', user('a'));
    await Promise.all(Array.from({ length: 20 }, (_, i) => table.update(here, 'a', (current) => ({ ...current, groups: [...current.groups, `${i}`] }))));
    assert.equal(table.get(here, 'a')?.groups.length, 20);
  });
  test('accounts do not see each other; lists are in order', async () => {
    const table = (await testState([IAMUser])).table(IAMUser);
    for (const name of ['b', 'a']) await table.create(here, name, user(name));
    await table.create({ ...here, account: '111111111111' }, 'c', user('c'));
    assert.deepEqual(
      table.list(here).map(({ userName }) => userName),
      ['a', 'b'],
    );
    assert.equal(table.all().length, 3);
    await table.clear();
    assert.equal(table.all().length, 0);
  });
  test('what refuses a deletion keeps the thing', async () => {
    const table = (await testState([IAMUser])).table(IAMUser);
    await table.create(here, 'a', user('a'));
    await assert.rejects(
      table.delete(here, 'a', () => {
        throw new Error('in use');
      }),
      /in use/,
    );
    assert.ok(table.get(here, 'a'));
  });
});
