/** The Restricted level of the Pod Security Standards: what it asks for beyond Baseline. */
import { procMount, seccompProfiles, validProfile } from './baseline.ts';
import { allContainers, exceptWindows, named, namesOf, plural, quoted, setters, unique, unlessOwnUsers } from './support.ts';
import type { Check, CheckPod, Container, Volume } from './types.ts';

const escalation: CheckPod = (spec) => {
  const bad = allContainers(spec).filter(({ securityContext: c }) => c?.allowPrivilegeEscalation !== false);
  if (bad.length === 0) return undefined;
  return { reason: 'allowPrivilegeEscalation != false', detail: `${named('container', namesOf(bad))} must set securityContext.allowPrivilegeEscalation=false` };
};

const capabilities: CheckPod = (spec) => {
  const added = ({ securityContext: c }: Container): string[] => (c?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
  const keeping = namesOf(allContainers(spec).filter(({ securityContext: c }) => !c?.capabilities?.drop?.includes('ALL')));
  const adding = allContainers(spec).filter((container) => added(container).length > 0);
  const details = [
    ...(keeping.length > 0 ? [`${named('container', keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0
      ? [`${named('container', namesOf(adding))} must not include ${quoted(unique(adding.flatMap(added)))} in securityContext.capabilities.add`]
      : []),
  ];
  return details.length > 0 ? { reason: 'unrestricted capabilities', detail: details.join('; ') } : undefined;
};

const allowedSources = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'];
const knownSources = new Set(
  (
    'hostPath gcePersistentDisk awsElasticBlockStore gitRepo nfs iscsi glusterfs rbd flexVolume cinder cephfs flocker fc azureFile ' +
    'vsphereVolume quobyte azureDisk photonPersistentDisk portworxVolume scaleIO storageos'
  ).split(' '),
);
const volumes: CheckPod = (spec) => {
  const bad = (spec.volumes ?? []).filter((volume) => !allowedSources.some((source) => volume[source]));
  if (bad.length === 0) return undefined;
  const sourceOf = (volume: Volume): string => Object.keys(volume).find((key) => knownSources.has(key) && volume[key]) ?? 'unknown';
  const types = unique(bad.map(sourceOf));
  const names = bad.map(({ name }) => name);
  const uses = names.length === 1 ? 'uses' : 'use';
  return { reason: 'restricted volume types', detail: `${named('volume', names)} ${uses} ${plural('restricted volume type', types)} ${quoted(types)}` };
};

const nonRoot: CheckPod = (spec) => {
  const pod = spec.securityContext?.runAsNonRoot;
  const bad = allContainers(spec).filter(({ securityContext: c }) => c?.runAsNonRoot === false);
  const who = setters(pod === false, namesOf(bad));
  if (who) return { reason: 'runAsNonRoot != true', detail: `${who} must not set securityContext.runAsNonRoot=false` };
  const silent = pod ? [] : namesOf(allContainers(spec).filter(({ securityContext: c }) => c?.runAsNonRoot === undefined));
  if (silent.length === 0) return undefined;
  return { reason: 'runAsNonRoot != true', detail: `pod or ${named('container', silent)} must set securityContext.runAsNonRoot=true` };
};

const user: CheckPod = (spec) => {
  const bad = allContainers(spec).filter(({ securityContext: c }) => c?.runAsUser === 0);
  const who = setters(spec.securityContext?.runAsUser === 0, namesOf(bad));
  return who ? { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` } : undefined;
};

const seccomp: CheckPod = (spec, metadata) => {
  const bad = seccompProfiles(spec, metadata);
  if (bad) return bad;
  const covered = validProfile(spec.securityContext?.seccompProfile?.type);
  const silent = covered ? [] : namesOf(allContainers(spec).filter(({ securityContext: c }) => !c?.seccompProfile));
  if (silent.length === 0) return undefined;
  const detail = `pod or ${named('container', silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`;
  return { reason: 'seccompProfile', detail };
};

export const restrictedChecks: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    since: [
      [8, escalation],
      [25, exceptWindows(escalation)],
    ],
  },
  {
    id: 'capabilities_restricted',
    since: [
      [22, capabilities],
      [25, exceptWindows(capabilities)],
    ],
    overrides: ['capabilities_baseline'],
  },
  // A user namespace makes an unmasked /proc harmless enough for Baseline, not for here (KEP-4265).
  { id: 'procMount_restricted', since: [[35, procMount]], overrides: ['procMount'] },
  { id: 'restrictedVolumes', since: [[0, volumes]], overrides: ['hostPathVolumes'] },
  {
    id: 'runAsNonRoot',
    since: [
      [0, nonRoot],
      [35, unlessOwnUsers(nonRoot)],
    ],
  },
  {
    id: 'runAsUser',
    since: [
      [23, user],
      [35, unlessOwnUsers(user)],
    ],
  },
  {
    id: 'seccompProfile_restricted',
    since: [
      [19, seccomp],
      [25, exceptWindows(seccomp)],
    ],
    overrides: ['seccompProfile_baseline'],
  },
];
