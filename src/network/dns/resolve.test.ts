import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolve, type Answer } from './resolve.ts';
import { sampleZone } from './testing.ts';

const zone = sampleZone();
const owns = (ip: string): boolean => ip.startsWith('10.');
const ask = (name: string, type = 'A'): Answer | undefined => resolve(zone, name, type, owns);
function short(answer: Answer | undefined): unknown {
  if (!answer) return undefined;
  const values = answer.answers.map(({ data }) => (data.type === 'SRV' ? `${data.port} ${data.target}` : 'value' in data ? data.value : data.type));
  return values.length > 0 ? values : `${answer.rcode} ${answer.authority.map((r) => r.data.type).join()}`;
}

test('a service has its cluster IPs', () => {
  assert.deepEqual(short(ask('web.default.svc.cluster.local')), ['10.96.0.5']);
  assert.deepEqual(short(ask('WEB.Default.svc.CLUSTER.local.')), ['10.96.0.5']);
  assert.deepEqual(short(ask('web.default.svc.cluster.local', 'AAAA')), ['fd00::5']);
  assert.equal(short(ask('web.default.svc.cluster.local', 'MX')), 'NOERROR SOA');
});

test('a headless service has its ready endpoints, and each has a name', () => {
  assert.deepEqual(short(ask('db.default.svc.cluster.local')), ['10.64.0.5', '10.64.0.6']);
  assert.deepEqual(short(ask('db.default.svc.cluster.local', 'AAAA')), ['fd00::6']);
  assert.deepEqual(short(ask('db-1.db.default.svc.cluster.local')), ['10.64.0.6']);
  assert.deepEqual(short(ask('10-64-0-9.web.default.svc.cluster.local')), ['10.64.0.9']);
  assert.equal(short(ask('db-7.db.default.svc.cluster.local')), 'NXDOMAIN SOA');
  assert.equal(short(ask('none.default.svc.cluster.local')), 'NXDOMAIN SOA');
  assert.deepEqual([ask('db.default.svc.cluster.local')?.answers[0]?.ttl, ask('web.default.svc.cluster.local')?.answers[0]?.ttl], [5, 30]);
});

test('SRV names ports, with addresses of the targets', () => {
  assert.deepEqual(short(ask('_http._tcp.web.default.svc.cluster.local', 'SRV')), ['80 web.default.svc.cluster.local']);
  const headless = ask('_pg._tcp.db.default.svc.cluster.local', 'SRV');
  assert.deepEqual(short(headless), [
    '5432 db-0.db.default.svc.cluster.local',
    '5432 db-1.db.default.svc.cluster.local',
    '5432 fd00--6.db.default.svc.cluster.local',
  ]);
  assert.deepEqual(
    headless?.additional.map((r) => r.data.type),
    ['A', 'A', 'AAAA'],
  );
  assert.deepEqual(short(ask('web.default.svc.cluster.local', 'SRV')), ['80 web.default.svc.cluster.local']);
  assert.equal(short(ask('_http._udp.web.default.svc.cluster.local', 'SRV')), 'NXDOMAIN SOA');
  assert.equal(short(ask('_http._tcp.web.default.svc.cluster.local', 'A')), 'NOERROR SOA');
  assert.equal(short(ask('http.tcp.web.default.svc.cluster.local', 'SRV')), 'NXDOMAIN SOA');
});

test('ExternalName is a CNAME to follow', () => {
  const answer = ask('out.default.svc.cluster.local');
  assert.deepEqual([short(answer), answer?.chase], [['example.org'], 'example.org']);
});

test('pods by their address', () => {
  assert.deepEqual(short(ask('10-64-0-5.default.pod.cluster.local')), ['10.64.0.5']);
  assert.equal(short(ask('10-64-0-5.default.pod.cluster.local', 'AAAA')), 'NOERROR SOA');
  assert.equal(short(ask('10-64-0-5.nowhere.pod.cluster.local')), 'NXDOMAIN SOA');
  assert.equal(short(ask('web.default.pod.cluster.local')), 'NXDOMAIN SOA');
});

test('reverse names', () => {
  assert.deepEqual(short(ask('5.0.96.10.in-addr.arpa', 'PTR')), ['web.default.svc.cluster.local']);
  assert.deepEqual(short(ask('5.0.64.10.in-addr.arpa', 'PTR')), ['db-0.db.default.svc.cluster.local']);
  assert.equal(short(ask('77.0.64.10.in-addr.arpa', 'PTR')), 'NXDOMAIN SOA');
  assert.equal(ask('8.8.8.8.in-addr.arpa', 'PTR'), undefined);
});

test('names between existing ones exist; others do not; the rest is not ours', () => {
  for (const name of ['cluster.local', 'svc.cluster.local', 'pod.cluster.local', 'empty.svc.cluster.local'])
    assert.equal(short(ask(name)), 'NOERROR SOA', name);
  for (const name of ['nowhere.svc.cluster.local', 'x.cluster.local', 'api.default.svc.cluster.local', 'a.b.c.d.svc.cluster.local'])
    assert.equal(short(ask(name)), 'NXDOMAIN SOA', name);
  assert.deepEqual([ask('example.org'), ask('notcluster.local'), ask('')], [undefined, undefined, undefined]);
  assert.deepEqual(short(ask('dns-version.cluster.local', 'TXT')), ['1.1.0']);
  assert.deepEqual(short(ask('cluster.local', 'NS')), ['ns.dns.cluster.local']);
});

test('the index follows changes', () => {
  const changed = sampleZone();
  changed.setEndpoints('default/db', []);
  changed.setService('default/web', undefined);
  assert.equal(resolve(changed, 'db.default.svc.cluster.local', 'A', owns)?.rcode, 'NXDOMAIN');
  assert.equal(resolve(changed, '5.0.96.10.in-addr.arpa', 'PTR', owns)?.rcode, 'NXDOMAIN');
  assert.equal(resolve(changed, '5.0.64.10.in-addr.arpa', 'PTR', owns)?.rcode, 'NXDOMAIN');
});
