import type { V1CronJob, V1DaemonSet, V1Deployment, V1Job, V1PodDisruptionBudget, V1PodTemplateSpec, V1ResourceQuota, V1Service, V1StatefulSet } from '#kinds';

/** Manifests of the workloads that simulations live on. */
export interface PodShape {
  image?: string;
  cpu?: string;
  annotations?: Record<string, string>;
}

export function template(app: string, { image = `${app}:1`, cpu = '100m', annotations }: PodShape = {}): V1PodTemplateSpec {
  return {
    metadata: { labels: { app }, ...(annotations ? { annotations } : {}) },
    spec: { containers: [{ name: 'app', image, resources: { requests: { cpu, memory: '64Mi' } } }] },
  };
}
const meta = (namespace: string, name: string): { namespace: string; name: string; labels: { app: string } } => ({ namespace, name, labels: { app: name } });

export function deployment(
  namespace: string,
  name: string,
  replicas: number,
  shape: PodShape = {},
  rolling: { maxSurge?: number | string; maxUnavailable?: number | string } = {},
): V1Deployment {
  const rollingUpdate = { maxSurge: '25%', maxUnavailable: '25%', ...rolling };
  return {
    metadata: meta(namespace, name),
    spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name, shape), strategy: { type: 'RollingUpdate', rollingUpdate } },
  } as V1Deployment;
}
export function statefulSet(namespace: string, name: string, replicas: number, shape: PodShape = {}): V1StatefulSet {
  return { metadata: meta(namespace, name), spec: { replicas, serviceName: name, selector: { matchLabels: { app: name } }, template: template(name, shape) } };
}
export function daemonSet(namespace: string, name: string, shape: PodShape = {}): V1DaemonSet {
  return { metadata: meta(namespace, name), spec: { selector: { matchLabels: { app: name } }, template: template(name, shape) } };
}
export function job(namespace: string, name: string, completions: number, parallelism: number): V1Job {
  const pod = template(name, { annotations: { 'batuta.dev/sim-exit-after': '30s' } });
  return {
    metadata: meta(namespace, name),
    spec: {
      completions,
      parallelism,
      backoffLimit: 100,
      template: { ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], restartPolicy: 'Never' } },
    },
  };
}
/** One job a minute, never two at a time. */
export function cronJob(namespace: string, name: string): V1CronJob {
  const { spec } = job(namespace, name, 2, 1);
  return { metadata: meta(namespace, name), spec: { schedule: '* * * * *', concurrencyPolicy: 'Forbid', jobTemplate: spec ? { spec } : {} } };
}
export function budget(namespace: string, app: string, maxUnavailable: number | string): V1PodDisruptionBudget {
  return { metadata: meta(namespace, app), spec: { selector: { matchLabels: { app } }, maxUnavailable } } as V1PodDisruptionBudget;
}
export function service(namespace: string, app: string): V1Service {
  return { metadata: meta(namespace, app), spec: { selector: { app }, ports: [{ port: 80, targetPort: 8080 }] } } as V1Service;
}
export function quota(namespace: string, pods: number): V1ResourceQuota {
  return { metadata: { namespace, name: 'quota' }, spec: { hard: { pods: String(pods), 'requests.cpu': String(pods) } } };
}
