import type { Metrics } from '#base';
import type { PolicyCheck } from '../admission/policies/evaluate.ts';

/** Counts what expressions of ValidatingAdmissionPolicies refused, and those that failed, under the names of kube-apiserver. */
export function policyMetrics(metrics: Metrics): (check: PolicyCheck) => void {
  const labels = ['policy', 'policy_binding', 'error_type', 'enforcement_action'];
  const checks = metrics.counter({
    name: 'apiserver_validating_admission_policy_check_total',
    help: 'Validation admission policy check total, labeled by policy and further identified by binding and enforcement action taken.',
    labels,
    stability: 'BETA',
  });
  const durations = metrics.histogram({
    name: 'apiserver_validating_admission_policy_check_duration_seconds',
    help: 'Validation admission latency for individual validation expressions in seconds, labeled by policy and further including binding and enforcement action taken.',
    labels,
    buckets: [0.0000005, 0.001, 0.01, 0.1, 1],
    stability: 'BETA',
  });
  return ({ policy, binding, error, action, seconds }) => {
    checks.with(policy, binding, error, action).inc();
    durations.with(policy, binding, error, action).observe(seconds);
  };
}
