//! Names of interfaces, and of what is called in those that intruders call (MS-SAMR, MS-SCMR, MS-DRSR, MS-TSCH, …).

use std::fmt;

/// A universally unique identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Uuid(pub(super) u128);

/// An interface that has a name.
pub(super) struct Interface {
    uuid: Uuid,
    pub(super) name: &'static str,
    operations: &'static [(u16, &'static str)],
}

impl Interface {
    /// The one of this identifier.
    pub(super) fn of(uuid: Uuid) -> Option<&'static Self> {
        INTERFACES.iter().find(|interface| interface.uuid == uuid)
    }

    /// The name of what has this number in it.
    pub(super) fn operation(&self, number: u16) -> Option<&'static str> {
        self.operations.iter().find(|(is, _)| *is == number).map(|(_, name)| *name)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range).unwrap_or_default());
        formatter.write_str(&parts.join("-"))
    }
}

const fn interface(uuid: u128, name: &'static str, operations: &'static [(u16, &'static str)]) -> Interface {
    Interface { uuid: Uuid(uuid), name, operations }
}

const INTERFACES: &[Interface] = &[
    interface(0xe1af8308_5d1f_11c9_91a4_08002b14a0fa, "epmapper", &[(2, "ept_lookup"), (3, "ept_map")]),
    interface(
        0xe3514235_4b06_11d1_ab04_00c04fc2dcd2,
        "drsuapi",
        &[
            (0, "DRSBind"),
            (1, "DRSUnbind"),
            (2, "DRSReplicaSync"),
            (3, "DRSGetNCChanges"),
            (5, "DRSReplicaAdd"),
            (12, "DRSCrackNames"),
            (16, "DRSDomainControllerInfo"),
            (17, "DRSAddEntry"),
        ],
    ),
    interface(
        0x367abb81_9844_35f1_ad32_98f038001003,
        "svcctl",
        &[
            (0, "CloseServiceHandle"),
            (1, "ControlService"),
            (2, "DeleteService"),
            (6, "QueryServiceStatus"),
            (11, "ChangeServiceConfigW"),
            (12, "CreateServiceW"),
            (14, "EnumServicesStatusW"),
            (15, "OpenSCManagerW"),
            (16, "OpenServiceW"),
            (17, "QueryServiceConfigW"),
            (19, "StartServiceW"),
            (24, "CreateServiceA"),
            (27, "OpenSCManagerA"),
            (28, "OpenServiceA"),
            (31, "StartServiceA"),
        ],
    ),
    interface(
        0x1ff70682_0a51_30e8_076d_740be8cee98b,
        "atsvc",
        &[(0, "NetrJobAdd"), (1, "NetrJobDel"), (2, "NetrJobEnum"), (3, "NetrJobGetInfo")],
    ),
    interface(
        0x86d35949_83c9_4044_b424_db363231fd0c,
        "ITaskSchedulerService",
        &[
            (0, "SchRpcHighestVersion"),
            (1, "SchRpcRegisterTask"),
            (2, "SchRpcRetrieveTask"),
            (3, "SchRpcCreateFolder"),
            (6, "SchRpcEnumFolders"),
            (7, "SchRpcEnumTasks"),
            (12, "SchRpcRun"),
            (13, "SchRpcDelete"),
        ],
    ),
    interface(0x378e52b0_c0a9_11cf_822d_00aa0051e40f, "sasec", &[]),
    interface(
        0x338cd001_2244_31f1_aaaa_900038001003,
        "winreg",
        &[
            (0, "OpenClassesRoot"),
            (1, "OpenCurrentUser"),
            (2, "OpenLocalMachine"),
            (4, "OpenUsers"),
            (5, "BaseRegCloseKey"),
            (6, "BaseRegCreateKey"),
            (7, "BaseRegDeleteKey"),
            (8, "BaseRegDeleteValue"),
            (9, "BaseRegEnumKey"),
            (10, "BaseRegEnumValue"),
            (15, "BaseRegOpenKey"),
            (16, "BaseRegQueryInfoKey"),
            (17, "BaseRegQueryValue"),
            (20, "BaseRegSaveKey"),
            (22, "BaseRegSetValue"),
            (31, "BaseRegSaveKeyEx"),
        ],
    ),
    interface(
        0x12345778_1234_abcd_ef00_0123456789ac,
        "samr",
        &[
            (0, "SamrConnect"),
            (1, "SamrCloseHandle"),
            (5, "SamrLookupDomainInSamServer"),
            (6, "SamrEnumerateDomainsInSamServer"),
            (7, "SamrOpenDomain"),
            (11, "SamrEnumerateGroupsInDomain"),
            (12, "SamrCreateUserInDomain"),
            (13, "SamrEnumerateUsersInDomain"),
            (15, "SamrEnumerateAliasesInDomain"),
            (17, "SamrLookupNamesInDomain"),
            (18, "SamrLookupIdsInDomain"),
            (22, "SamrAddMemberToGroup"),
            (25, "SamrGetMembersInGroup"),
            (31, "SamrAddMemberToAlias"),
            (33, "SamrGetMembersInAlias"),
            (34, "SamrOpenUser"),
            (35, "SamrDeleteUser"),
            (36, "SamrQueryInformationUser"),
            (37, "SamrSetInformationUser"),
            (39, "SamrGetGroupsForUser"),
            (40, "SamrQueryDisplayInformation"),
            (50, "SamrCreateUser2InDomain"),
            (55, "SamrUnicodeChangePasswordUser2"),
            (58, "SamrSetInformationUser2"),
            (62, "SamrConnect4"),
            (64, "SamrConnect5"),
        ],
    ),
    interface(
        0x12345778_1234_abcd_ef00_0123456789ab,
        "lsarpc",
        &[
            (0, "LsarClose"),
            (6, "LsarOpenPolicy"),
            (7, "LsarQueryInformationPolicy"),
            (14, "LsarLookupNames"),
            (15, "LsarLookupSids"),
            (28, "LsarOpenSecret"),
            (30, "LsarQuerySecret"),
            (42, "LsarStorePrivateData"),
            (43, "LsarRetrievePrivateData"),
            (44, "LsarOpenPolicy2"),
            (46, "LsarQueryInformationPolicy2"),
            (57, "LsarLookupSids2"),
            (58, "LsarLookupNames2"),
            (68, "LsarLookupNames3"),
            (76, "LsarLookupSids3"),
            (77, "LsarLookupNames4"),
        ],
    ),
    interface(
        0x12345678_1234_abcd_ef00_01234567cffb,
        "netlogon",
        &[
            (2, "NetrLogonSamLogon"),
            (4, "NetrServerReqChallenge"),
            (5, "NetrServerAuthenticate"),
            (6, "NetrServerPasswordSet"),
            (15, "NetrServerAuthenticate2"),
            (20, "DsrGetDcName"),
            (21, "NetrLogonGetCapabilities"),
            (26, "NetrServerAuthenticate3"),
            (30, "NetrServerPasswordSet2"),
            (34, "DsrGetDcNameEx2"),
            (39, "NetrLogonSamLogonEx"),
            (40, "DsrEnumerateDomainTrusts"),
            (45, "NetrLogonSamLogonWithFlags"),
        ],
    ),
    interface(
        0x4b324fc8_1670_01d3_1278_5a47bf6ee188,
        "srvsvc",
        &[
            (8, "NetrConnectionEnum"),
            (9, "NetrFileEnum"),
            (12, "NetrSessionEnum"),
            (14, "NetrShareAdd"),
            (15, "NetrShareEnum"),
            (16, "NetrShareGetInfo"),
            (18, "NetrShareDel"),
            (21, "NetrServerGetInfo"),
            (28, "NetrRemoteTOD"),
            (31, "NetprPathCanonicalize"),
            (32, "NetprPathCompare"),
        ],
    ),
    interface(0x6bffd098_a112_3610_9833_46c3f87e345a, "wkssvc", &[(0, "NetrWkstaGetInfo"), (2, "NetrWkstaUserEnum")]),
    interface(
        0x12345678_1234_abcd_ef00_0123456789ab,
        "spoolss",
        &[
            (0, "RpcEnumPrinters"),
            (1, "RpcOpenPrinter"),
            (9, "RpcAddPrinterDriver"),
            (29, "RpcClosePrinter"),
            (65, "RpcRemoteFindFirstPrinterChangeNotificationEx"),
            (69, "RpcOpenPrinterEx"),
            (70, "RpcAddPrinterEx"),
            (89, "RpcAddPrinterDriverEx"),
        ],
    ),
    interface(0x76f03f96_cdfd_44fc_a22c_64950a001209, "IRemoteWinspool", &[(39, "RpcAsyncAddPrinterDriver")]),
    interface(0xc681d488_d850_11d0_8c52_00c04fd90f7e, "efsrpc", EFSRPC),
    interface(0xdf1941c5_fe89_4e79_bf10_463657acf44d, "efsrpc", EFSRPC),
    interface(
        0x4fc742e0_4a10_11cf_8273_00aa004ae673,
        "netdfs",
        &[(12, "NetrDfsAddStdRoot"), (13, "NetrDfsRemoveStdRoot")],
    ),
    interface(0xa8e0653c_2744_4389_a61d_7373df8b2292, "fsrvp", &[(8, "IsPathSupported"), (9, "IsPathShadowCopied")]),
    interface(
        0x99fcfec4_5260_101b_bbcb_00aa0021347a,
        "IOXIDResolver",
        &[(0, "ResolveOxid"), (3, "ServerAlive"), (4, "ResolveOxid2"), (5, "ServerAlive2")],
    ),
    interface(
        0x000001a0_0000_0000_c000_000000000046,
        "ISystemActivator",
        &[(3, "RemoteGetClassObject"), (4, "RemoteCreateInstance")],
    ),
    interface(0x4d9f4ab8_7d1c_11cf_861e_0020af6e7c57, "IRemoteActivation", &[(0, "RemoteActivation")]),
    interface(
        0x00000131_0000_0000_c000_000000000046,
        "IRemUnknown",
        &[(3, "RemQueryInterface"), (4, "RemAddRef"), (5, "RemRelease")],
    ),
    interface(
        0x00000143_0000_0000_c000_000000000046,
        "IRemUnknown2",
        &[(3, "RemQueryInterface"), (4, "RemAddRef"), (5, "RemRelease")],
    ),
    interface(0x00020400_0000_0000_c000_000000000046, "IDispatch", &[(5, "GetIDsOfNames"), (6, "Invoke")]),
    interface(0xf309ad18_d86a_11d0_a075_00c04fb68820, "IWbemLevel1Login", &[(6, "NTLMLogin")]),
    interface(0xd4781cd6_e5d3_44df_ad94_930efe48a887, "IWbemLoginClientID", &[]),
    interface(
        0x9556dc99_828c_11cf_a37e_00aa003240c7,
        "IWbemServices",
        &[(6, "GetObject"), (20, "ExecQuery"), (24, "ExecMethod")],
    ),
    interface(0x82273fdc_e32a_18c3_3f78_827929dc23ea, "eventlog", &[(0, "ElfrClearELFW"), (7, "ElfrOpenELW")]),
    interface(0xf6beaff7_1e19_4fbb_9f8f_b89e2018337c, "IEventService", &[(6, "EvtRpcClearLog")]),
    interface(0x3dde7c30_165d_11d1_ab8f_00805f14db40, "BackupKey", &[(0, "BackuprKey")]),
    interface(0x50abc2a4_574d_40b3_9d66_ee4fd5fba076, "DnsServer", &[(0, "DnssrvOperation"), (5, "DnssrvOperation2")]),
    interface(0x91ae6020_9e3c_11cf_8d7c_00aa00c091be, "ICertPassage", &[(0, "CertServerRequest")]),
    interface(0xd99e6e70_fc88_11d0_b498_00a0c90312f3, "ICertRequestD", &[]),
    interface(0xf5cc5a18_4264_101a_8c59_08002b2f8426, "nspi", &[]),
    interface(0xafa8bd80_7d8a_11c9_bef4_08002b102989, "mgmt", &[(0, "inq_if_ids")]),
    interface(0x894de0c0_0d55_11d3_a322_00c04fa321a1, "InitShutdown", &[(0, "BaseInitiateShutdown")]),
    interface(0xd95afe70_a6d5_4259_822e_2c84da1ddb0d, "WindowsShutdown", &[]),
    interface(0x3919286a_b10c_11d0_9ba8_00c04fd92ef5, "dssetup", &[(0, "DsRolerGetPrimaryDomainInformation")]),
    interface(0x6bffd098_a112_3610_9833_012892020162, "browser", &[]),
    interface(0x5a7b91f8_ff00_11d0_a9b2_00c04fb6e6fc, "messenger", &[(0, "NetrSendMessage")]),
    interface(0x8d9f4e40_a03d_11ce_8f69_08003e30051b, "pnp", &[]),
    interface(0x300f3532_38cc_11d0_a3f0_0020af6b0add, "trkwks", &[]),
    interface(0x897e2e5f_93f3_4376_9c9c_fd2277495c27, "FrsTransport", &[]),
];

const EFSRPC: &[(u16, &str)] = &[
    (0, "EfsRpcOpenFileRaw"),
    (4, "EfsRpcEncryptFileSrv"),
    (5, "EfsRpcDecryptFileSrv"),
    (6, "EfsRpcQueryUsersOnFile"),
];
