/**
 * Takes the constraints of inputs (lengths, ranges, patterns, enumerations, what is required, what is secret) from the
 * service models that botocore carries (Apache-2.0) into src/aws/generated/constraints, one file per service. The AWS
 * SDK for JavaScript has none of them. Run by hand where the aws CLI or boto3 is installed:
 *   sh scripts/node.sh scripts/generate-aws-constraints.ts [DIRECTORY OF botocore] [contract …]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { compilePattern } from '../src/aws/protocol/pattern.ts';

const out = join(import.meta.dirname, '../src/aws/generated/constraints');

/** Names of contracts (after `@aws-sdk/client-`) and of botocore's folders. S3 checks by rules of its own. */
const services: Readonly<Record<string, string>> = {
  'application-auto-scaling': 'application-autoscaling',
  'auto-scaling': 'autoscaling',
  cloudformation: 'cloudformation',
  cloudwatch: 'cloudwatch',
  'cloudwatch-logs': 'logs',
  ec2: 'ec2',
  ecr: 'ecr',
  ecs: 'ecs',
  eks: 'eks',
  'elastic-load-balancing-v2': 'elbv2',
  eventbridge: 'events',
  iam: 'iam',
  kms: 'kms',
  'secrets-manager': 'secretsmanager',
  servicediscovery: 'servicediscovery',
  sns: 'sns',
  sqs: 'sqs',
  ssm: 'ssm',
  sts: 'sts',
};

/** What actions of EC2 are about that have a meaning here, as their names end; and what the names of others have in them. */
const inEc2 = `
    Vpcs? VpcAttribute VpcCidrBlock VpcEndpoints? VpcPeeringConnections? Subnets? SubnetAttribute SubnetCidrBlock
    InternetGateways? RouteTables? RouteTableAssociation Route SecurityGroups? SecurityGroupRules SecurityGroupIngress
    SecurityGroupEgress SecurityGroupReferences NatGateways? NatGatewayAddress LaunchTemplates?
    LaunchTemplateVersions? LaunchTemplateData AvailabilityZones Regions AccountAttributes NetworkAcls?
    NetworkAclEntry NetworkAclAssociation NetworkInterfaces? NetworkInterfaceAttribute PrivateIpAddresses Address
    Addresses AddressesAttribute AddressAttribute Tags Instances InstanceAttribute InstanceStatus InstanceTypes
    InstanceTypeOfferings InstanceMetadataOptions Images? ImageAttribute KeyPairs? Volumes? VolumeStatus Snapshots?
    DhcpOptions FlowLogs PrefixLists? PlacementGroups? IamInstanceProfile\\w* ConsoleOutput ManagedPrefixList\\w*
    EgressOnlyInternetGateways?
  `;
const notInEc2 = `
    VerifiedAccess TransitGateway Ipam LocalGateway Reserved Spot TrafficMirror Fleet Scheduled ClientVpn Carrier
    Outpost Fast Capacity Fpga Byoip Bundle Import Export Recycle Block Lock Classic Mac
  `;
const words = (text: string): string => text.trim().split(/\s+/).join('|');
/** Of services that are large, the actions that have a meaning here. */
const only: Readonly<Record<string, RegExp>> = {
  ec2: new RegExp(`^(?!.*(?:${words(notInEc2)})).*(?:${words(inEc2)})$`),
};

interface ModelShape {
  readonly type: string;
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly member?: { readonly shape: string };
  readonly key?: { readonly shape: string };
  readonly value?: { readonly shape: string };
  readonly required?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly sensitive?: boolean;
}
interface Model {
  readonly operations: Readonly<Record<string, { readonly input?: { readonly shape: string } }>>;
  readonly shapes: Readonly<Record<string, ModelShape>>;
}
/** As RawConstraint of src/aws/protocol/constraints.ts reads it. */
type Constraint = Record<string, unknown>;

const bits: Readonly<Record<string, number>> = { integer: 32, long: 64 };

/** What a shape demands by itself. */
function ownOf(shape: ModelShape): Constraint {
  return {
    ...(shape.required?.length ? { r: shape.required } : {}),
    ...(shape.min === undefined ? {} : { n: shape.min }),
    ...(shape.max === undefined ? {} : { x: shape.max }),
    ...(shape.pattern === undefined ? {} : { p: shape.pattern }),
    ...(shape.enum ? { e: shape.enum } : {}),
    ...(shape.sensitive ? { s: 1 } : {}),
    ...(bits[shape.type] ? { i: bits[shape.type] } : {}),
  };
}

/** Shapes that demand something, themselves or in what they hold: found by going round until nothing is added. */
function demanding(shapes: Model['shapes']): Set<string> {
  const found = new Set(Object.keys(shapes).filter((name) => Object.keys(ownOf(shapes[name] as ModelShape)).length > 0));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const [name, shape] of Object.entries(shapes)) {
      const held = [...Object.values(shape.members ?? {}), shape.member, shape.key, shape.value];
      if (held.some((one) => one && found.has(one.shape))) found.add(name);
    }
  }
  return found;
}

function constraintsOf(model: Model, asked: RegExp | undefined): { inputs: Record<string, string>; shapes: Record<string, Constraint> } {
  const { shapes } = model;
  const wanted = demanding(shapes);
  const kept: Record<string, Constraint> = {};
  const keep = (name: string): string | undefined => {
    if (!wanted.has(name)) return undefined;
    if (kept[name]) return name;
    const shape = shapes[name] as ModelShape;
    const made: Constraint = (kept[name] = {});
    const members = Object.entries(shape.members ?? {}).flatMap(([key, { shape: of }]) => (keep(of) ? [[key, of]] : []));
    if (members.length > 0) made['m'] = Object.fromEntries(members);
    for (const [letter, one] of [['l', shape.member] as const, ['k', shape.key] as const, ['v', shape.value] as const]) {
      if (one && keep(one.shape)) made[letter] = one.shape;
    }
    Object.assign(made, ownOf(shape));
    return name;
  };
  const inputs: Record<string, string> = {};
  for (const [name, { input }] of Object.entries(model.operations)) if (input && (asked?.test(name) ?? true) && keep(input.shape)) inputs[name] = input.shape;
  return { inputs, shapes: kept };
}

/** Patterns of Java that cannot be asked here are told, and left out. */
function dropPatterns(service: string, shapes: Record<string, Constraint>): void {
  for (const [name, shape] of Object.entries(shapes)) {
    const { p, x } = shape as { p?: string; x?: number };
    if (p === undefined || compilePattern(p, x)) continue;
    console.log(`left out: ${service} ${name} ${p}`);
    delete shape['p'];
  }
}

function render(service: string, folder: string, botocore: string): string {
  const found = globSync(`data/${folder}/*/service-2.json{,.gz}`, { cwd: botocore }).toSorted().at(-1);
  if (found === undefined) throw new Error(`botocore has no ${folder}`);
  const bytes = readFileSync(join(botocore, found));
  const model = JSON.parse((found.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')) as Model;
  const { inputs, shapes } = constraintsOf(model, only[service]);
  dropPatterns(service, shapes);
  const lines = (of: object): string =>
    Object.entries(of)
      .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
      .join(',\n');
  const source = `botocore ${versionOf(botocore)} ${folder}/${basename(dirname(found))}`;
  return `{\n"source":${JSON.stringify(source)},\n"inputs":{\n${lines(inputs)}\n},\n"shapes":{\n${lines(shapes)}\n}\n}\n`;
}
const versionOf = (botocore: string): string => /__version__ = '(.*?)'/.exec(readFileSync(join(botocore, '__init__.py'), 'utf8'))?.[1] ?? 'unknown';

const [first, ...rest] = process.argv.slice(2);
const given = first !== undefined && existsSync(first);
const botocore = given ? first : spawnSync('python3', ['-c', 'import botocore;print(botocore.__path__[0])'], { encoding: 'utf8' }).stdout.trim();
const asked = given ? rest : process.argv.slice(2);
for (const [service, folder] of Object.entries(services)) {
  if (asked.length === 0 || asked.includes(service)) writeFileSync(join(out, `${service}.json`), render(service, folder, botocore));
}
