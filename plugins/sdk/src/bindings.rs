//! The guest's side of `waitfor:probe`, generated so that the contract has
//! one source.

wit_bindgen::generate!({
    path: "../../wit",
    world: "probe",
    pub_export_macro: true,
    default_bindings_module: "waitfor_sdk::bindings",
    generate_all,
});
