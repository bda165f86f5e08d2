/** A machine that can be had: what it holds and what it costs an hour. */
export interface InstanceType {
  readonly vcpus: number;
  readonly memoryGi: number;
  /** Pods that the addresses of its network interfaces are enough for (amazon-vpc-cni's eni-max-pods). */
  readonly pods: number;
  readonly gpus?: number;
  readonly arch?: 'arm64';
  /** US dollars an hour on demand in us-east-1; for expanders that look at prices. */
  readonly price: number;
}

type Size = readonly [size: string, vcpus: number, pods: number];
const sizes: readonly Size[] = [
  ['large', 2, 29],
  ['xlarge', 4, 58],
  ['2xlarge', 8, 58],
  ['4xlarge', 16, 234],
  ['8xlarge', 32, 234],
  ['16xlarge', 64, 737],
];
/** A family grows in everything alike: memory and price follow the cores. */
function family(name: string, memoryPerCore: number, pricePerCore: number, more: Pick<InstanceType, 'arch'> = {}): [string, InstanceType][] {
  return sizes.map(([size, vcpus, pods]) => [
    `${name}.${size}`,
    { vcpus, pods, memoryGi: vcpus * memoryPerCore, price: Math.round(vcpus * pricePerCore * 10_000) / 10_000, ...more },
  ]);
}

/** The usual ones of EC2. */
export const instanceTypes: ReadonlyMap<string, InstanceType> = new Map<string, InstanceType>([
  ['t3.micro', { vcpus: 2, memoryGi: 1, pods: 4, price: 0.0104 }],
  ['t3.small', { vcpus: 2, memoryGi: 2, pods: 11, price: 0.0208 }],
  ['t3.medium', { vcpus: 2, memoryGi: 4, pods: 17, price: 0.0416 }],
  ['t3.large', { vcpus: 2, memoryGi: 8, pods: 35, price: 0.0832 }],
  ['t3.xlarge', { vcpus: 4, memoryGi: 16, pods: 58, price: 0.1664 }],
  ['t3.2xlarge', { vcpus: 8, memoryGi: 32, pods: 58, price: 0.3328 }],
  ...family('m5', 4, 0.048),
  ...family('m6i', 4, 0.048),
  ...family('m7g', 4, 0.0408, { arch: 'arm64' }),
  ...family('c5', 2, 0.0425),
  ...family('c6i', 2, 0.0425),
  ...family('c7g', 2, 0.03625, { arch: 'arm64' }),
  ...family('r5', 8, 0.063),
  ...family('r6i', 8, 0.063),
  ['g4dn.xlarge', { vcpus: 4, memoryGi: 16, pods: 29, gpus: 1, price: 0.526 }],
  ['g5.xlarge', { vcpus: 4, memoryGi: 16, pods: 58, gpus: 1, price: 1.006 }],
  ['p3.2xlarge', { vcpus: 8, memoryGi: 61, pods: 58, gpus: 1, price: 3.06 }],
  ['p4d.24xlarge', { vcpus: 96, memoryGi: 1152, pods: 737, gpus: 8, price: 32.7726 }],
]);
