package main

import (
	"net/http"

	"github.com/hashicorp/go-azure-sdk/sdk/odata"
)

func reference(one object) object {
	return object{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/" + one["id"].(string)}
}

func people(g graph) {
	var user, group object
	step("users", "create", func() (err error) {
		user, err = g.post("/users", object{
			"accountEnabled": true, "displayName": "Gus", "mailNickname": "gus", "userPrincipalName": "gus@lakeside.example",
			"passwordProfile": object{"password": "cnry-Pass-word-3"},
		})
		return err
	})
	step("groups", "create", func() (err error) {
		group, err = g.post("/groups", object{"displayName": "Gophers", "mailEnabled": false, "mailNickname": "gophers", "securityEnabled": true})
		return err
	})
	if user == nil || group == nil {
		return
	}
	step("users", "update and filter", func() error {
		if err := g.do(http.MethodPatch, "/users/"+user["id"].(string), object{"department": "Tunnels"}, 204); err != nil {
			return err
		}
		all, err := g.list("/users", odata.Query{Filter: "department eq 'Tunnels'"})
		if err != nil {
			return err
		}
		return expect(len(all) == 1 && all[0]["id"] == user["id"], "%d found", len(all))
	})
	members := "/groups/" + group["id"].(string) + "/members"
	step("groups", "members", func() error {
		if err := g.do(http.MethodPost, members+"/$ref", reference(user), 204); err != nil {
			return err
		}
		all, err := g.list(members, odata.Query{})
		if err != nil {
			return err
		}
		if err := expect(ids(all)[user["id"]], "%v", all); err != nil {
			return err
		}
		return g.do(http.MethodDelete, members+"/"+user["id"].(string)+"/$ref", nil, 204)
	})
	step("directory roles", "assign and unassign", func() error {
		all := "/roleManagement/directory/roleAssignments"
		made, err := g.post(all, object{"principalId": user["id"], "roleDefinitionId": "4a5d8f65-41da-4de4-8968-e035b65339cf", "directoryScopeId": "/"})
		if err != nil {
			return err
		}
		return g.do(http.MethodDelete, all+"/"+made["id"].(string), nil, 204)
	})
	step("administrative units", "create, member, delete", func() error {
		unit, err := g.post("/directory/administrativeUnits", object{"displayName": "Burrow"})
		if err != nil {
			return err
		}
		at := "/directory/administrativeUnits/" + unit["id"].(string)
		if err := g.do(http.MethodPost, at+"/members/$ref", reference(user), 204); err != nil {
			return err
		}
		return g.do(http.MethodDelete, at, nil, 204)
	})
	step("users", "delete", func() error {
		if err := g.do(http.MethodDelete, "/users/"+user["id"].(string), nil, 204); err != nil {
			return err
		}
		return g.refused(http.MethodGet, "/users/"+user["id"].(string), nil, 404)
	})
}

func policies(g graph) {
	at := "/identity/conditionalAccess"
	step("named locations", "create, update, delete", func() error {
		kind := "#microsoft.graph.countryNamedLocation"
		made, err := g.post(at+"/namedLocations", object{"@odata.type": kind, "displayName": "Go", "countriesAndRegions": []string{"GB"}})
		if err != nil {
			return err
		}
		one := at + "/namedLocations/" + made["id"].(string)
		if err := g.do(http.MethodPatch, one, object{"@odata.type": kind, "countriesAndRegions": []string{"GB", "IE"}}, 204); err != nil {
			return err
		}
		return g.do(http.MethodDelete, one, nil, 204)
	})
	step("conditional access", "create, update, delete", func() error {
		made, err := g.post(at+"/policies", object{
			"displayName": "Go", "state": "disabled",
			"conditions": object{
				"clientAppTypes": []string{"all"}, "applications": object{"includeApplications": []string{"All"}},
				"users": object{"includeUsers": []string{"All"}, "excludeUsers": []string{"GuestsOrExternalUsers"}},
			},
			"grantControls": object{"operator": "OR", "builtInControls": []string{"block"}},
		})
		if err != nil {
			return err
		}
		one := at + "/policies/" + made["id"].(string)
		if err := g.do(http.MethodPatch, one, object{"displayName": "Go 2"}, 204); err != nil {
			return err
		}
		return g.do(http.MethodDelete, one, nil, 204)
	})
	step("organization", "read", func() error {
		all, err := g.list("/organization", odata.Query{})
		if err != nil {
			return err
		}
		return expect(len(all) == 1 && all[0]["id"] == tenant, "%v", all)
	})
}
