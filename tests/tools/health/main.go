// tenantry-health says what GitOps tools make of Kubernetes objects, by the tools' own code.
//
//	tenantry-health HEALTH.LUA [KUSTOMIZATION.YAML] < objects.json
//
// On stdin is an array of objects, or a List. On stdout comes an array with a verdict for each, in the same order:
// that of kstatus, by which Flux goes; that of Argo CD, by the script; and with a Flux Kustomization that of its
// healthCheckExprs.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// verdict is one tool's word on an object.
type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// health is all tools' word on an object.
type health struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Kstatus verdict  `json:"kstatus"`
	Argo    verdict  `json:"argo"`
	Flux    *verdict `json:"flux,omitempty"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tenantry-health:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("usage: tenantry-health HEALTH.LUA [KUSTOMIZATION.YAML] < objects.json")
	}
	script, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	gate := func(*unstructured.Unstructured) (*verdict, error) { return nil, nil }
	if len(args) == 2 {
		if gate, err = fluxGate(args[1]); err != nil {
			return fmt.Errorf("%s: %w", args[1], err)
		}
	}
	objects, err := read(stdin)
	if err != nil {
		return fmt.Errorf("stdin: %w", err)
	}

	answers := make([]health, 0, len(objects))
	for _, object := range objects {
		answer := health{Kind: object.GetKind(), Name: object.GetName()}
		var failure error
		if answer.Kstatus, failure = kstatus(object); failure == nil {
			if answer.Argo, failure = argo(object, string(script)); failure == nil {
				answer.Flux, failure = gate(object)
			}
		}
		if failure != nil {
			return fmt.Errorf("%s %s: %w", answer.Kind, answer.Name, failure)
		}
		answers = append(answers, answer)
	}
	encoder := json.NewEncoder(stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(answers)
}

// read takes the objects in as the tools get them from their clients: whole numbers are int64.
func read(stdin io.Reader) ([]*unstructured.Unstructured, error) {
	text, err := io.ReadAll(stdin)
	if err != nil {
		return nil, err
	}
	var raw []json.RawMessage
	if json.Unmarshal(text, &raw) != nil {
		var list struct {
			Items *[]json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, err
		}
		if list.Items == nil {
			return nil, errors.New("neither an array of objects nor a List")
		}
		raw = *list.Items
	}
	objects := make([]*unstructured.Unstructured, len(raw))
	for at, item := range raw {
		objects[at] = &unstructured.Unstructured{}
		if err := objects[at].UnmarshalJSON(item); err != nil {
			return nil, fmt.Errorf("object %d: %w", at, err)
		}
	}
	return objects, nil
}

func kstatus(object *unstructured.Unstructured) (verdict, error) {
	result, err := status.Compute(object)
	if err != nil {
		return verdict{}, fmt.Errorf("kstatus: %w", err)
	}
	return verdict{result.Status.String(), result.Message}, nil
}

// fluxGate judges as kustomize-controller does that was given this Kustomization.
func fluxGate(path string) (func(*unstructured.Unstructured) (*verdict, error), error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var kustomization struct {
		Spec struct {
			HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &kustomization); err != nil {
		return nil, err
	}
	if len(kustomization.Spec.HealthCheckExprs) == 0 {
		return nil, errors.New("no spec.healthCheckExprs")
	}
	build, err := cel.NewStatusReader(kustomization.Spec.HealthCheckExprs)
	if err != nil {
		return nil, err
	}
	reader := build(nil) // no mapper: the objects are here already
	return func(object *unstructured.Unstructured) (*verdict, error) {
		kind := object.GroupVersionKind().GroupKind()
		if !reader.Supports(kind) { // then Flux goes by kstatus
			result, err := kstatus(object)
			return &result, err
		}
		result, err := reader.ReadStatusForObject(context.Background(), nil, object)
		if err != nil {
			return nil, fmt.Errorf("flux: %w", err)
		}
		answer := verdict{result.Status.String(), result.Message}
		if result.Error != nil { // an expression that could not be computed
			answer.Message = result.Error.Error()
		}
		return &answer, nil
	}, nil
}
