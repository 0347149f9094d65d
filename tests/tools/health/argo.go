package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	luajson "layeh.com/gopher-json"
)

// The healths that Argo CD accepts from a script. It shows Unknown for any other; here that is an error.
var argoStatuses = map[string]bool{
	"Healthy": true, "Progressing": true, "Degraded": true, "Suspended": true, "Missing": true, "Unknown": true,
}

// The libraries that Argo CD opens for a script in argocd-cm (util/lua/lua.go): above all there is no `string`. The few
// functions of `os` that it has besides tell the time, which a health should not depend on: a script that wants them fails.
var argoLibraries = []struct {
	name string
	open lua.LGFunction
}{
	{lua.LoadLibName, lua.OpenPackage},
	{lua.BaseLibName, lua.OpenBase},
	{lua.TabLibName, lua.OpenTable},
}

// argo runs a health script as Argo CD does: a fresh state, the object as the global `obj`, one second, and the table
// that comes back read by way of JSON.
func argo(object *unstructured.Unstructured, script string) (verdict, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range argoLibraries {
		open := lua.P{Fn: state.NewFunction(library.open), Protect: true}
		if err := state.CallByParam(open, lua.LString(library.name)); err != nil {
			return verdict{}, fmt.Errorf("lua library %s: %w", library.name, err)
		}
	}
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limit)
	state.SetGlobal("obj", toLua(state, object.Object))
	if err := state.DoString(script); err != nil {
		return verdict{}, fmt.Errorf("health script: %w", err)
	}

	returned := state.Get(-1)
	if returned.Type() != lua.LTTable {
		return verdict{}, fmt.Errorf("health script: it returned a %s, not a table", returned.Type())
	}
	text, err := luajson.Encode(returned)
	if err != nil {
		return verdict{}, fmt.Errorf("health script: what it returned is not JSON: %w", err)
	}
	var answer verdict
	if err := json.Unmarshal(text, &answer); err != nil {
		return verdict{}, fmt.Errorf("health script: it returned %s: %w", text, err)
	}
	if !argoStatuses[answer.Status] {
		return verdict{}, fmt.Errorf("health script: %q is no health status of Argo CD", answer.Status)
	}
	return answer, nil
}

// toLua gives the script what Argo CD gives it: null and what JSON does not know are nil.
func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		table := state.CreateTable(len(value), 0)
		for _, item := range value {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
