/**
 * The protocols of the AWS gateway with real clients, through toy services: what EC2 (ec2Query), EKS (restJson1) and
 * CloudWatch (rpcv2Cbor, awsJson1_0, awsQuery) need of the gateway before they are there themselves.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test, { after, before, describe } from 'node:test';
import { AwsSmithyRpcV2CborProtocol } from '@aws-sdk/core/protocols';
import * as CloudWatch from '@aws-sdk/client-cloudwatch';
import * as Ec2 from '@aws-sdk/client-ec2';
import * as Eks from '@aws-sdk/client-eks';
import { AwsError } from '../src/aws/gateway/errors.ts';
import { defineAction, defineService, type AnyAction, type ServiceRoute } from '../src/aws/gateway/service.ts';
import { openGate } from '../src/aws/gateway/testing.ts';
import { awsJson10 } from '../src/aws/protocol/json.ts';
import { awsQuery } from '../src/aws/protocol/query.ts';
import { rpcCbor } from '../src/aws/protocol/rpc-cbor.ts';
import { buildContract, loadContract, type Contract, type RawContract } from '../src/aws/protocol/schema.ts';
import { render } from '../scripts/generate-aws.ts';
import { run, type Output } from './harness.ts';

const lacks = (program: string, ...args: string[]): string | false => {
  const { error, status } = spawnSync(program, args);
  return error || status !== 0 ? `${program} ${args.join(' ')} does not work here` : false;
};
const noCli = lacks('aws', '--version');
const noBoto = lacks('python3', '-c', 'import boto3');

const then = new Date('2026-11-24T10:00:00.500Z');
/** What handlers were given last, by action. */
const given = new Map<string, unknown>();
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- they say what the contract has, for whoever reads
const answering = <I, O>(name: string, answer: (input: I) => O): [string, AnyAction] => [
  name,
  defineAction<I, O>({
    handle(input) {
      given.set(name, input);
      return answer(input);
    },
  }),
];
const ec2 = Object.fromEntries([
  answering<Ec2.CreateVpcRequest, Ec2.CreateVpcResult>('CreateVpc', ({ CidrBlock }) => ({
    Vpc: { VpcId: 'vpc-1', CidrBlock, IsDefault: false, Tags: [{ Key: 'a', Value: '<1>' }], CidrBlockAssociationSet: [] },
  })),
  answering<Ec2.DescribeVpcsRequest, Ec2.DescribeVpcsResult>('DescribeVpcs', ({ VpcIds }) => {
    const missing = VpcIds?.find((id) => id !== 'vpc-1');
    if (missing !== undefined) throw new AwsError('InvalidVpcID.NotFound', `The vpc ID '${missing}' does not exist`);
    return { Vpcs: [{ VpcId: 'vpc-1' }, { VpcId: 'vpc-2' }] };
  }),
  answering<Ec2.RunInstancesRequest, Ec2.Reservation>('RunInstances', () => ({ Instances: [{ InstanceId: 'i-1', LaunchTime: then, AmiLaunchIndex: 0 }] })),
]);
const cluster: Eks.Cluster = { name: 'one', createdAt: then, tags: { team: 'a b' }, resourcesVpcConfig: { subnetIds: ['s-1'] } };
const eks = Object.fromEntries([
  answering<Eks.CreateClusterRequest, Eks.CreateClusterResponse>('CreateCluster', () => ({ cluster })),
  answering<Eks.DescribeClusterRequest, Eks.DescribeClusterResponse>('DescribeCluster', ({ name = '' }) => {
    if (name !== 'one') throw new AwsError('ResourceNotFoundException', `No cluster found for name: ${name}.`, { fields: { clusterName: name } });
    return { cluster };
  }),
  answering<Eks.ListClustersRequest, Eks.ListClustersResponse>('ListClusters', () => ({ clusters: ['one'], nextToken: 'more' })),
  answering<Eks.ListTagsForResourceRequest, Eks.ListTagsForResourceResponse>('ListTagsForResource', ({ resourceArn = '' }) => ({ tags: { arn: resourceArn } })),
  answering<Eks.UntagResourceRequest, Eks.UntagResourceResponse>('UntagResource', () => ({})),
]);
const cloudwatch = Object.fromEntries([
  answering<CloudWatch.PutMetricDataInput, void>('PutMetricData', () => undefined),
  answering<CloudWatch.GetMetricStatisticsInput, CloudWatch.GetMetricStatisticsOutput>('GetMetricStatistics', ({ MetricName }) => ({
    Label: MetricName,
    Datapoints: [
      { Timestamp: then, Average: 0.5, Unit: 'Count' },
      { Timestamp: then, Average: 2, ExtendedStatistics: { p99: 1e21 } },
    ],
  })),
  answering<CloudWatch.GetDashboardInput, never>('GetDashboard', ({ DashboardName }) => {
    throw new AwsError('DashboardNotFoundError', `Dashboard ${DashboardName} does not exist`);
  }),
]);
const route = (name: string, contract: string, more: Partial<ServiceRoute>, actions: Record<string, AnyAction>): ServiceRoute => ({
  name,
  ...more,
  load: () => Promise.resolve(defineService({ contract, kinds: [], actions, ...(name === 'cloudwatch' ? { protocols: [awsJson10, rpcCbor, awsQuery] } : {}) })),
});

describe('protocols of the AWS gateway', () => {
  let gate: Awaited<ReturnType<typeof openGate>>;
  let env: Record<string, string>;
  let config: { endpoint: string; region: string; credentials: { accessKeyId: string; secretAccessKey: string }; maxAttempts: number };
  before(async () => {
    const ec2Contract = buildContract(JSON.parse(await render('ec2')) as RawContract);
    const contracts = (name: string): Contract => (name === 'ec2' ? ec2Contract : loadContract(name));
    gate = await openGate(
      [route('ec2', 'ec2', {}, ec2), route('eks', 'eks', {}, eks), route('cloudwatch', 'cloudwatch', { signing: ['monitoring'] }, cloudwatch)],
      { contracts },
    );
    const endpoint = `http://127.0.0.1:${gate.port}`;
    config = { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' }, maxAttempts: 1 };
    env = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_MAX_ATTEMPTS: '1',
    };
  });
  after(() => gate.close());
  const aws = (...args: string[]): Promise<Output> => run('aws', args, { env: { HOME: '/nowhere', ...env } });

  test('ec2Query: the JavaScript SDK', async () => {
    const client = new Ec2.EC2Client(config);
    const tags = { ResourceType: 'vpc', Tags: [{ Key: 'Name', Value: 'a&b' }] } as const;
    const { Vpc } = await client.send(new Ec2.CreateVpcCommand({ CidrBlock: '10.0.0.0/16', TagSpecifications: [{ ...tags, Tags: [...tags.Tags] }] }));
    assert.deepEqual([Vpc?.VpcId, Vpc?.CidrBlock, Vpc?.IsDefault, Vpc?.Tags], ['vpc-1', '10.0.0.0/16', false, [{ Key: 'a', Value: '<1>' }]]);
    assert.deepEqual(given.get('CreateVpc'), { CidrBlock: '10.0.0.0/16', TagSpecifications: [tags] });
    const found = await client.send(new Ec2.DescribeVpcsCommand({ VpcIds: ['vpc-1'], Filters: [{ Name: 'tag:a', Values: ['1', '2'] }] }));
    assert.deepEqual(
      found.Vpcs?.map(({ VpcId }) => VpcId),
      ['vpc-1', 'vpc-2'],
    );
    assert.deepEqual(given.get('DescribeVpcs'), { VpcIds: ['vpc-1'], Filters: [{ Name: 'tag:a', Values: ['1', '2'] }] });
    const run = new Ec2.RunInstancesCommand({
      MinCount: 1,
      MaxCount: 2,
      UserData: 'IyEvYmluL3No',
      BlockDeviceMappings: [{ DeviceName: '/dev/sda', Ebs: { VolumeSize: 8, DeleteOnTermination: true } }],
    });
    assert.deepEqual((await client.send(run)).Instances?.[0]?.LaunchTime, then);
    const { ClientToken, ...input } = given.get('RunInstances') as Ec2.RunInstancesRequest;
    assert.match(ClientToken ?? '', /^[\w-]{36}$/);
    assert.deepEqual(input, run.input);
    await assert.rejects(client.send(new Ec2.DescribeVpcsCommand({ VpcIds: ['vpc-9'] })), {
      name: 'InvalidVpcID.NotFound',
      message: "The vpc ID 'vpc-9' does not exist",
    });
    await assert.rejects(client.send(new Ec2.DescribeVpcsCommand({ MaxResults: 1 })), { name: 'InvalidParameterValue', message: /Expecting a value greater/ });
    await assert.rejects(client.send(new Ec2.RunInstancesCommand({ MaxCount: 1 } as never)), { name: 'MissingParameter', message: /parameter MinCount/ });
    await assert.rejects(client.send(new Ec2.DescribeHostsCommand({})), { name: 'NotImplemented' });
  });

  test('restJson1: the JavaScript SDK', async () => {
    const client = new Eks.EKSClient(config);
    const input = {
      name: 'one',
      roleArn: 'arn:aws:iam::1:role/x',
      resourcesVpcConfig: { subnetIds: ['s-1'], endpointPublicAccess: true },
      tags: { 'k 1': 'ü' },
    };
    assert.deepEqual((await client.send(new Eks.CreateClusterCommand(input))).cluster, cluster);
    const { clientRequestToken, ...rest } = given.get('CreateCluster') as Eks.CreateClusterRequest;
    assert.match(clientRequestToken ?? '', /^[\w-]{36}$/);
    assert.deepEqual(rest, input);
    assert.equal((await client.send(new Eks.DescribeClusterCommand({ name: 'one' }))).cluster?.createdAt?.getTime(), then.getTime());
    assert.equal((await client.send(new Eks.ListClustersCommand({ maxResults: 3, include: ['all'] }))).nextToken, 'more');
    assert.deepEqual(given.get('ListClusters'), { maxResults: 3, include: ['all'] });
    const resourceArn = 'arn:aws:eks:us-east-1:000000000000:cluster/one';
    assert.deepEqual((await client.send(new Eks.ListTagsForResourceCommand({ resourceArn }))).tags, { arn: resourceArn });
    await client.send(new Eks.UntagResourceCommand({ resourceArn, tagKeys: ['a', 'b c'] }));
    assert.deepEqual(given.get('UntagResource'), { resourceArn, tagKeys: ['a', 'b c'] });
    await assert.rejects(client.send(new Eks.DescribeClusterCommand({ name: 'two' })), { name: 'ResourceNotFoundException', clusterName: 'two' });
    await assert.rejects(client.send(new Eks.CreateClusterCommand({ ...input, name: 'a.b' })), {
      name: 'ValidationException',
      message: /at 'name' failed to satisfy constraint/,
    });
  });

  // With this protocol the SDK gives the length before compression, and waits: boto3 shows that compressed CBOR is read.
  const cbor = () => ({
    disableRequestCompression: true,
    protocol: new AwsSmithyRpcV2CborProtocol({
      defaultNamespace: 'com.amazonaws.cloudwatch',
      serviceTarget: 'GraniteServiceVersion20100801',
      awsQueryCompatible: true,
      errorTypeRegistries: [],
    } as never),
  });
  for (const [name, protocol] of [
    ['rpcv2Cbor', cbor],
    ['awsJson1_0', () => ({})],
  ] as const) {
    test(`${name}: the JavaScript SDK`, async () => {
      const client = new CloudWatch.CloudWatchClient({ ...config, ...protocol() } as CloudWatch.CloudWatchClientConfig);
      // Long enough to be sent compressed.
      const MetricData = Array.from({ length: 300 }, (_, i) => ({
        MetricName: `m${i}`,
        Timestamp: then,
        Value: i / 4,
        Dimensions: [{ Name: 'n', Value: 'ü' }],
      }));
      await client.send(new CloudWatch.PutMetricDataCommand({ Namespace: 'Own', MetricData }));
      assert.deepEqual(given.get('PutMetricData'), { Namespace: 'Own', MetricData });
      const StatisticsInput = { Namespace: 'Own', MetricName: 'm', StartTime: then, EndTime: then, Period: 60 };
      const { Datapoints, Label } = await client.send(new CloudWatch.GetMetricStatisticsCommand(StatisticsInput));
      assert.equal(Label, 'm');
      assert.deepEqual(Datapoints, [
        { Timestamp: then, Average: 0.5, Unit: 'Count' },
        { Timestamp: then, Average: 2, ExtendedStatistics: { p99: 1e21 } },
      ]);
      assert.deepEqual(given.get('GetMetricStatistics'), StatisticsInput);
      await assert.rejects(client.send(new CloudWatch.GetDashboardCommand({ DashboardName: 'd' })), (error: Error) => {
        assert.match(`${error.name} ${error.message}`, /^(?:DashboardNotFoundError|ResourceNotFound) Dashboard d does not exist$/);
        return true;
      });
      await assert.rejects(client.send(new CloudWatch.GetDashboardCommand({ DashboardName: '' } as never)), /ValidationE|Dashboard  does not exist/);
    });
  }

  test('the aws CLI', { skip: noCli }, async () => {
    const ok = async (...args: string[]): Promise<unknown> => {
      const { code, out, err } = await aws(...args, '--output', 'json');
      assert.equal(code, 0, err);
      return out === '' ? undefined : JSON.parse(out);
    };
    const [vpcs, eksCluster, statistics] = await Promise.all([
      ok('ec2', 'describe-vpcs', '--filters', 'Name=tag:a,Values=1,2', '--query', 'Vpcs[].VpcId'),
      ok('eks', 'describe-cluster', '--name', 'one', '--query', 'cluster.name'),
      ok(
        'cloudwatch',
        'get-metric-statistics',
        '--namespace',
        'Own',
        '--metric-name',
        'm',
        '--period',
        '60',
        '--start-time',
        then.toISOString(),
        '--end-time',
        then.toISOString(),
      ),
    ]);
    assert.deepEqual(vpcs, ['vpc-1', 'vpc-2']);
    assert.equal(eksCluster, 'one');
    assert.match(JSON.stringify(statistics), /"Timestamp":(?:"2026-11-24T10:00:00\.500000\+00:00"|1795514400\.5),"Average":0\.5/);
    const [noVpc, noDashboard] = await Promise.all([
      aws('ec2', 'describe-vpcs', '--vpc-ids', 'vpc-9'),
      aws('cloudwatch', 'get-dashboard', '--dashboard-name', 'd'),
    ]);
    assert.match(noVpc.err, /An error occurred \(InvalidVpcID\.NotFound\) when calling the DescribeVpcs operation: The vpc ID 'vpc-9' does not exist/);
    assert.match(noDashboard.err, /An error occurred \(ResourceNotFound\) when calling the GetDashboard operation: Dashboard d does not exist/);
  });

  test('awsQuery of CloudWatch: boto3', { skip: noBoto }, async () => {
    const script = `
import boto3, botocore.session, datetime
for protocol in ['smithy-rpc-v2-cbor', 'json', 'query']:
    core = botocore.session.get_session()
    loader = core.get_component('data_loader')
    load = loader.load_service_model
    def only(*args, load=load, **more):
        model = load(*args, **more)
        if 'metadata' in model and model['metadata'].get('serviceId') == 'CloudWatch':
            model['metadata']['protocol'] = protocol
            model['metadata']['protocols'] = [protocol]
        return model
    loader.load_service_model = only
    cw = boto3.session.Session(botocore_session=core).client('cloudwatch')
    cw.put_metric_data(Namespace='Own', MetricData=[{'MetricName': 'm%d' % i, 'Value': i / 4, 'Timestamp': datetime.datetime(2026, 11, 24, 10)} for i in range(300)])
    found = cw.get_metric_statistics(Namespace='Own', MetricName='m', Period=60, StartTime=datetime.datetime(2026, 11, 24), EndTime=datetime.datetime(2026, 11, 25))
    print(cw.meta.service_model.resolved_protocol, found['Label'], [(d['Average'], d['Timestamp'].isoformat()) for d in found['Datapoints']][:1])
    try:
        cw.get_dashboard(DashboardName='d')
    except Exception as error:
        print(error.response['Error']['Code'])
`;
    const { out, err } = await run('python3', ['-c', script], { env: { ...env, HOME: '/nowhere' } });
    const wanted = ['smithy-rpc-v2-cbor', 'json', 'query'].flatMap((protocol) => [
      `${protocol} m [(0.5, '2026-11-24T10:00:00.500000+00:00')]`,
      'ResourceNotFound',
    ]);
    assert.deepEqual(out.trim().split('\n'), wanted, err);
    assert.equal((given.get('PutMetricData') as CloudWatch.PutMetricDataInput).MetricData?.length, 300);
  });
});
