import { UsageError, scanImage, type ScanFinding, type ScanReport } from '#server';
import { instanceOptions, pathOptions, print, text, type Command } from '../command.ts';

const formats = ['table', 'json', 'cyclonedx'];
const severities = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFORMATIONAL', 'UNDEFINED'];

export const command: Command = {
  name: 'scan',
  summary: 'find known vulnerabilities in an image',
  usage: 'IMAGE',
  options: {
    ...instanceOptions,
    format: { type: 'string', value: 'FORMAT', help: 'table, json, or cyclonedx (what is in the image)', default: 'table' },
    mode: { type: 'string', value: 'MODE', help: 'basic (the operating system) or enhanced (programming languages too)', default: 'enhanced' },
    'fail-on': { type: 'string', value: 'SEVERITY', help: 'exit with 1 when something of this severity or worse is found' },
  },
  async run(args) {
    const [image, ...rest] = args.positionals;
    if (!image || rest.length > 0) throw new UsageError('say which: bin/batuta scan REPOSITORY:TAG, or a directory or archive with an image');
    const format = oneOf('--format', text(args, 'format') ?? 'table', formats);
    const mode = oneOf('--mode', text(args, 'mode') ?? 'enhanced', ['basic', 'enhanced']) as 'basic' | 'enhanced';
    const failOn = text(args, 'fail-on');
    const limit = failOn === undefined ? -1 : severities.indexOf(oneOf('--fail-on', failOn.toUpperCase(), severities));
    const report = await scanImage(pathOptions(args), image, mode);
    if (format === 'cyclonedx') print(JSON.stringify(report.sbom, undefined, 2));
    else if (format === 'json') print(JSON.stringify(forMachines(report), undefined, 2));
    else for (const line of lines(report)) print(line);
    return report.findings.some(({ severity }) => severities.indexOf(severity) <= limit) ? 1 : 0;
  },
};

function oneOf(option: string, value: string, values: readonly string[]): string {
  if (!values.includes(value)) throw new UsageError(`${option} ${value}: one of ${values.join(', ')}`);
  return value;
}
const forMachines = ({ image, digest, mode, inventory, findings, unsupported, advisoriesUpdated }: ScanReport): object => ({
  image,
  digest,
  mode,
  distribution: inventory.distribution ?? null,
  architecture: inventory.architecture ?? null,
  packages: inventory.packages.length,
  warnings: unsupported === undefined ? inventory.warnings : [unsupported, ...inventory.warnings],
  advisoriesUpdated: advisoriesUpdated === undefined ? null : new Date(advisoriesUpdated).toISOString(),
  findings,
});

function* lines({ image, digest, inventory, findings, unsupported, advisoriesUpdated }: ScanReport): Generator<string> {
  const system = inventory.distribution?.name ?? 'no operating system';
  yield `${image} (${digest.slice(0, 19)}): ${system}, ${inventory.packages.length} packages`;
  for (const warning of unsupported === undefined ? inventory.warnings : [unsupported, ...inventory.warnings]) yield `warning: ${warning}`;
  if (findings.length > 0) yield* table(findings);
  const counts = severities.map((severity) => [severity, findings.filter((one) => one.severity === severity).length] as const).filter(([, count]) => count > 0);
  yield counts.length > 0 ? counts.map(([severity, count]) => `${count} ${severity.toLowerCase()}`).join(', ') : 'nothing known against it';
  if (advisoriesUpdated !== undefined) yield `advisories of ${new Date(advisoriesUpdated).toISOString()}: bin/batuta scan-db update brings newer ones`;
}
function* table(findings: readonly ScanFinding[]): Generator<string> {
  const rows = [
    ['VULNERABILITY', 'SEVERITY', 'SCORE', 'PACKAGE', 'VERSION', 'FIXED IN', 'WHERE'],
    ...findings.map((one) => [
      one.name,
      one.severity,
      one.cvss[0]?.score.toFixed(1) ?? '',
      one.package.name,
      one.package.version,
      one.fixedIn ?? '',
      one.package.path,
    ]),
  ];
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  for (const row of rows)
    yield row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
}
