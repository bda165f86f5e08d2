import { readOsv, type Advisory } from './osv.ts';

/** Versions from the first that is affected to the first that is not any more; only one: all from there on. */
type Span = readonly [introduced: string, fixed?: string];
type Where = readonly [ecosystem: string, name: string, ...spans: Span[]];

interface Entry {
  readonly cve: string;
  readonly published: string;
  readonly title: string;
  readonly description: string;
  readonly vector: string;
  /** Id of the advisory, under which a dump would bring it, and where it applies. */
  readonly records: Readonly<Record<string, readonly Where[]>>;
}

/**
 * Well-known vulnerabilities, so that a scan finds something before the first update, and tests need no network.
 * Facts from Debian's and Ubuntu's notices (DSA-2896-1, DSA-4963-1, DSA-5103-1, DSA-5514-1, USN-5710-1), Alpine's
 * security database and GitHub's advisories. A dump replaces them: they stand under the ids that OSV uses.
 */
const entries: readonly Entry[] = [
  {
    cve: 'CVE-2014-0160',
    published: '2014-04-07T00:00:00Z',
    title: 'OpenSSL: memory of the process can be read through the heartbeat extension (Heartbleed)',
    description:
      'A missing check of a length in the TLS and DTLS heartbeat extension of OpenSSL 1.0.1 to 1.0.1f lets a peer read up to 64 KB of memory per request, private keys included.',
    vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N',
    records: {
      'DEBIAN-CVE-2014-0160': [
        ['Debian:7', 'openssl', ['1.0.1-1', '1.0.1e-2+deb7u5']],
        ['Debian:8', 'openssl', ['1.0.1-1', '1.0.1g-1']],
      ],
    },
  },
  {
    cve: 'CVE-2021-3711',
    published: '2021-08-24T00:00:00Z',
    title: 'OpenSSL: buffer overflow in the decryption of SM2',
    description:
      'The size that OpenSSL 1.1.1 to 1.1.1k computes for SM2 plaintext can be too small; who presents content for decryption can overflow the buffer by up to 62 bytes.',
    vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
    records: {
      'DEBIAN-CVE-2021-3711': [
        ['Debian:10', 'openssl', ['0', '1.1.1d-0+deb10u7']],
        ['Debian:11', 'openssl', ['0', '1.1.1k-1+deb11u1']],
      ],
      'ALPINE-CVE-2021-3711': ['v3.11', 'v3.12', 'v3.13', 'v3.14'].map((release): Where => [`Alpine:${release}`, 'openssl', ['0', '1.1.1l-r0']]),
    },
  },
  {
    cve: 'CVE-2022-0778',
    published: '2022-03-15T00:00:00Z',
    title: 'OpenSSL: endless loop on certificates with invalid curve parameters',
    description:
      'BN_mod_sqrt() loops for ever when the modulus is no prime. A certificate with crafted explicit curve parameters gets there before its signature is checked.',
    vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H',
    records: {
      'DEBIAN-CVE-2022-0778': [['Debian:11', 'openssl', ['0', '1.1.1k-1+deb11u2']]],
      'ALPINE-CVE-2022-0778': ['v3.12', 'v3.13', 'v3.14', 'v3.15'].map((release): Where => [`Alpine:${release}`, 'openssl', ['0', '1.1.1n-r0']]),
    },
  },
  {
    cve: 'CVE-2022-3602',
    published: '2022-11-01T00:00:00Z',
    title: 'OpenSSL: four bytes beyond a buffer in the check of e-mail addresses in certificates',
    description:
      'A certificate with a crafted e-mail address in punycode overflows a buffer on the stack by four bytes while name constraints are checked. OpenSSL 3.0.0 to 3.0.6.',
    vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H',
    records: { 'UBUNTU-CVE-2022-3602': [['Ubuntu:22.04:LTS', 'openssl', ['0', '3.0.2-0ubuntu1.7']]] },
  },
  {
    cve: 'CVE-2023-4911',
    published: '2023-10-03T00:00:00Z',
    title: 'glibc: buffer overflow in the reading of GLIBC_TUNABLES (Looney Tunables)',
    description:
      'The dynamic loader overflows a buffer while it reads the environment variable GLIBC_TUNABLES; with a program that changes its user, a local user becomes root.',
    vector: 'CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H',
    records: { 'DEBIAN-CVE-2023-4911': [['Debian:12', 'glibc', ['0', '2.36-9+deb12u3']]] },
  },
  {
    cve: 'CVE-2024-3094',
    published: '2024-03-29T00:00:00Z',
    title: 'xz: malicious code in the released archives of 5.6.0 and 5.6.1',
    description: 'The release archives of xz 5.6.0 and 5.6.1 build code into liblzma that changes what sshd does with keys where sshd loads that library.',
    vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H',
    records: { 'DEBIAN-CVE-2024-3094': [['Debian:13', 'xz-utils', ['5.5.1alpha-0.1', '5.6.1+really5.4.5-1']]] },
  },
  {
    cve: 'CVE-2021-44228',
    published: '2021-12-10T00:00:00Z',
    title: 'Log4j: remote code execution through look-ups in messages (Log4Shell)',
    description: 'Log4j 2 resolves JNDI look-ups in what it logs; who controls a logged text can have code loaded from a server of his.',
    vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H',
    records: { 'GHSA-jfh8-c2jp-5v3q': [['Maven', 'org.apache.logging.log4j:log4j-core', ['2.0-beta9', '2.3.1'], ['2.4', '2.12.2'], ['2.13.0', '2.15.0']]] },
  },
  {
    cve: 'CVE-2022-22965',
    published: '2022-03-31T00:00:00Z',
    title: 'Spring Framework: remote code execution through data binding (Spring4Shell)',
    description:
      'On Java 9 and later, data binding of Spring MVC and WebFlux reaches the class loader; applications that Tomcat runs as a WAR can be taken over.',
    vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
    records: {
      'GHSA-36p3-wjmg-h94x': ['spring-beans', 'spring-webmvc', 'spring-webflux'].map((name): Where => [
        'Maven',
        `org.springframework:${name}`,
        ['0', '5.2.20.RELEASE'],
        ['5.3.0', '5.3.18'],
      ]),
    },
  },
  {
    cve: 'CVE-2021-23337',
    published: '2021-05-06T00:00:00Z',
    title: 'lodash: command injection through template()',
    description: 'The option `variable` of lodash.template() becomes code; who controls it runs what he likes.',
    vector: 'CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H',
    records: {
      'GHSA-35jh-r3h4-6jhm': [
        ['npm', 'lodash', ['0', '4.17.21']],
        ['npm', 'lodash-es', ['0', '4.17.21']],
      ],
    },
  },
  {
    cve: 'CVE-2020-14343',
    published: '2021-03-25T00:00:00Z',
    title: 'PyYAML: full_load() runs code of the document',
    description: 'The full loader of PyYAML before 5.4 constructs objects that run code; documents of strangers must not be loaded by it.',
    vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
    records: { 'GHSA-8q59-q68h-6hv4': [['PyPI', 'PyYAML', ['0', '5.4']]] },
  },
  {
    cve: 'CVE-2023-39325',
    published: '2023-10-11T00:00:00Z',
    title: 'Go: HTTP/2 servers can be exhausted by streams that are reset at once',
    description: 'A client that opens and resets streams quickly makes a server work for more requests than its limit of streams allows (Rapid Reset).',
    vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H',
    records: {
      'GO-2023-2102': [
        ['Go', 'golang.org/x/net', ['0', '0.17.0']],
        ['Go', 'stdlib', ['0', '1.20.10'], ['1.21.0-0', '1.21.3']],
      ],
    },
  },
];

export const builtInSource = 'built-in';
/** When the newest of them came, ms since the epoch. */
export const builtInUpdated = Math.max(...entries.map(({ published }) => Date.parse(published)));

export const builtIn = (): Advisory[] =>
  entries.flatMap(({ cve, published, title, description, vector, records }) =>
    Object.entries(records).map(([id, where]) =>
      readOsv({
        id,
        modified: published,
        published,
        aliases: [cve],
        summary: title,
        details: description,
        severity: [{ type: 'CVSS_V3', score: vector }],
        references: [{ url: `https://nvd.nist.gov/vuln/detail/${cve}` }],
        affected: where.map(([ecosystem, name, ...spans]) => ({
          package: { ecosystem, name },
          ranges: spans.map(([introduced, fixed]) => ({ type: 'ECOSYSTEM', events: [{ introduced }, ...(fixed === undefined ? [] : [{ fixed }])] })),
        })),
      }),
    ),
  );
